-- What wrk sends: one POST to a connection, as long as ours, with a signature that is not computed.
wrk.method = "POST"
wrk.body = string.rep("x", 190)
wrk.headers["content-type"] = "application/octet-stream"
wrk.headers["x-amz-date"] = "20260131T120000Z"
wrk.headers["x-amz-security-token"] = os.getenv("AWS_SESSION_TOKEN")
wrk.headers["user-agent"] = "websocket-push"
wrk.headers["authorization"] = "AWS4-HMAC-SHA256 Credential=" .. os.getenv("AWS_ACCESS_KEY_ID")
  .. "/20260131/eu-west-1/execute-api/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "
  .. "Signature=" .. string.rep("0", 64)
