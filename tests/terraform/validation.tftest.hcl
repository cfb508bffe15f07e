# Every input of the root module that can be wrong: what is refused, and that the values next to it are not.

mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan

  override_data {
    target          = data.aws_service.api
    override_during = plan
    values          = { region = "eu-central-1" }
  }
}

variables {
  allow_anonymous = true
}

run "defaults_need_only_the_word_on_anonymous_clients" {
  command = plan
}

# --- Who may connect: exactly one of three.

run "no_authorization_given" {
  command = plan
  variables {
    allow_anonymous = false
  }
  expect_failures = [var.allow_anonymous]
}

run "tokens_and_anonymous_clients" {
  command = plan
  variables {
    jwt = { jwks_uri = "https://issuer.example/jwks.json" }
  }
  expect_failures = [var.allow_anonymous]
}

run "an_authorizer_and_anonymous_clients" {
  command = plan
  variables {
    authorizer = { function_name = "mine", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:mine" }
  }
  expect_failures = [var.allow_anonymous]
}

run "tokens_and_an_authorizer" {
  command = plan
  variables {
    allow_anonymous = false
    jwt             = { jwks_uri = "https://issuer.example/jwks.json" }
    authorizer      = { function_name = "mine", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:mine" }
  }
  expect_failures = [var.allow_anonymous]
}

run "an_authorizer_alone" {
  command = plan

  override_data {
    target          = data.aws_service.api
    override_during = plan
    values          = { region = "us-gov-west-1" }
  }

  variables {
    allow_anonymous = false
    authorizer      = { function_name = "mine", function_arn = "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:mine" }
  }
}

run "tokens_alone" {
  command = plan
  variables {
    allow_anonymous = false
    jwt             = { jwks_uri = "https://issuer.example/jwks.json" }
  }
}

run "smallest_tokens_that_are_accepted" {
  command = plan
  variables {
    allow_anonymous = false
    jwt = {
      issuer             = "i"
      audience           = ["a"]
      jwks_uri           = "https://i"
      algorithms         = ["EdDSA"]
      user_id_claim      = "u"
      leeway             = 0
      jwks_cache_seconds = 1
    }
    allowed_origins = ["self", "a://b", "https://app.example.com", "https://app.example.com:8443", "http://localhost:3000", "http://[::1]:3000", "chrome-extension://abcdef", "https://xn--bcher-kva.example"]
    functions       = { verify_jwt = { memory_size = 128, timeout = 1 } }
    packages        = { verify_jwt = { filename = "main.tf" } }
  }
}

run "largest_tokens_that_are_accepted" {
  command = plan
  variables {
    allow_anonymous = false
    jwt = {
      issuer             = "https://login.issuer.example:8443/tenant/v2.0/"
      audience           = [for number in range(100) : "audience-${number}"]
      jwks_uri           = "https://[2001:db8::1]:65535/keys?tenant=a&p=B2C_1_sign(in)~"
      algorithms         = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
      user_id_claim      = "https://app.example/claims/user"
      leeway             = 300
      jwks_cache_seconds = 86400
    }
    allowed_origins = [for number in range(100) : "https://app-${number}.example"]
    functions       = { verify_jwt = { timeout = 29 } }
    packages = {
      connect    = { s3_bucket = "packages", s3_key = "connect.zip" }
      disconnect = { s3_bucket = "packages", s3_key = "disconnect.zip", s3_object_version = "1" }
      poll       = { filename = "poll.zip", source_code_hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }
    }
  }
}

run "several_issuers" {
  command = plan
  variables {
    allow_anonymous = false
    jwt = {
      issuer    = "https://issuer.example/v1"
      jwks_uri  = "https://issuer.example/keys"
      token_use = "access"
      typ       = "JWT"
      additional_issuers = [
        { issuer = "https://issuer.example/v2", jwks_uri = "https://issuer.example/keys", token_use = "id", typ = "application/at+jwt" },
        { issuer = "old", secret_arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/push/jwt", algorithms = ["HS512"], audience = ["a"], user_id_claim = "email" },
      ]
    }
  }
}

run "an_issuer_on_this_machine" {
  command = plan
  variables {
    allow_anonymous = false
    jwt             = { jwks_uri = "http://localhost:8080/.well-known/jwks.json", allow_insecure_loopback = true }
  }
}

run "an_issuer_on_this_machine_by_address" {
  command = plan
  variables {
    allow_anonymous = false
    jwt             = { jwks_uri = "http://127.0.0.1/jwks.json", allow_insecure_loopback = true }
  }
}

run "a_secret" {
  command = plan

  override_data {
    target          = data.aws_service.api
    override_during = plan
    values          = { region = "cn-north-1" }
  }

  variables {
    allow_anonymous = false
    jwt = {
      secret_arn         = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:team/push_jwt+@.=-a1B2c3"
      secret_kms_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"
      algorithms         = ["HS256", "HS384", "HS512"]
    }
  }
}

run "a_parameter" {
  command = plan
  variables {
    allow_anonymous = false
    jwt             = { secret_arn = "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/team/push-jwt_1.0" }
  }
}

run "smallest_values_that_are_accepted" {
  command = plan
  variables {
    name               = "ab"
    tags               = { a = "" }
    notification_ttl   = 60
    keepalive          = { seconds = 30 }
    max_frame_kb       = 32
    stage_name         = "_"
    throttling         = { rate_limit = 1, burst_limit = 1 }
    log_retention_days = 0
    functions = {
      connect    = { memory_size = 128, timeout = 1, reserved_concurrency = 0, architecture = "arm64", runtime = "python3.11" }
      disconnect = { runtime = "python3.12" }
      poll       = { runtime = "python3.13" }
      push       = {}
    }
  }
}

run "largest_values_that_are_accepted" {
  command = plan
  variables {
    name               = "a23456789-123456789-123456789-123456789-12345678"
    tags               = { (join("", [for _ in range(128) : "k"])) = join("", [for _ in range(256) : "v"]) }
    notification_ttl   = 31536000
    keepalive          = { action = "ping", seconds = 540 }
    max_frame_kb       = 128
    stage_name         = join("", [for _ in range(128) : "s"])
    throttling         = { rate_limit = 50000.5, burst_limit = 25000 }
    log_retention_days = 3653
    client_push        = "any"
    functions = {
      connect    = { timeout = 29, architecture = "x86_64", runtime = "python3.13" }
      disconnect = { timeout = 29 }
      poll       = { timeout = 29 }
      push       = { memory_size = 10240, timeout = 900, reserved_concurrency = 1000 }
    }
  }
  # A warning, which refuses nothing: the account's quota may have been raised.
  expect_failures = [check.throttling]
}

run "other_values_that_are_accepted" {
  command = plan
  variables {
    client_push = "none"
    keepalive   = { action = "poll", seconds = 240 }
    tags        = { for number in range(48) : "key-${number}" => "v" }
  }
}

# What is refused. Each run gives several inputs one fault each, and each of these inputs must be refused: Terraform plans
# once for all of them.

run "refused_1" {
  command = plan
  variables {
    name               = "a"                # too short
    tags               = { "" = "v" }       # a key of no characters
    client_push        = "all"              # no such choice
    notification_ttl   = 59                 # too short
    keepalive          = { seconds = 29 }   # too often
    max_frame_kb       = 31                 # a client may send more
    stage_name         = ""                 # empty
    throttling         = { rate_limit = 0 } # no messages
    log_retention_days = 31                 # CloudWatch takes no such number
    functions          = { pull = {} }      # no such function
  }
  expect_failures = [var.name, var.tags, var.client_push, var.notification_ttl, var.keepalive, var.max_frame_kb, var.stage_name, var.throttling, var.log_retention_days, var.functions]
}

run "refused_2" {
  command = plan
  variables {
    name             = "a23456789-123456789-123456789-123456789-123456789" # too long
    tags             = { "AWS:team" = "a" }                                # a key that AWS keeps for itself
    notification_ttl = 31536001                                            # too long
    keepalive        = { seconds = 241 }                                   # too seldom to close a gap in time
    max_frame_kb     = 129                                                 # more than API Gateway carries
    stage_name       = "$default"                                          # for HTTP APIs only
    throttling       = { burst_limit = 0 }                                 # no messages
    functions        = { push = null }                                     # no settings
  }
  expect_failures = [var.name, var.tags, var.notification_ttl, var.keepalive, var.max_frame_kb, var.stage_name, var.throttling, var.functions]
}

run "refused_3" {
  command = plan
  variables {
    name             = "Push"                                            # a capital
    tags             = { (join("", [for _ in range(129) : "k"])) = "v" } # a key too long
    notification_ttl = 60.5                                              # a fraction
    keepalive        = { action = "ping", seconds = 541 }                # too near to the idle timeout
    max_frame_kb     = 32.5                                              # a fraction
    stage_name       = join("", [for _ in range(129) : "s"])             # too long
    throttling       = { burst_limit = 1.5 }                             # a fraction
    functions        = { push = { memory_size = 127 } }                  # too small
  }
  expect_failures = [var.name, var.tags, var.notification_ttl, var.keepalive, var.max_frame_kb, var.stage_name, var.throttling, var.functions]
}

run "refused_4" {
  command = plan
  variables {
    name      = "1push"                                         # begins with a digit
    tags      = { key = join("", [for _ in range(257) : "v"]) } # a value too long
    functions = { push = { memory_size = 10241 } }              # too large
  }
  expect_failures = [var.name, var.tags, var.functions]
}

run "refused_5" {
  command = plan
  variables {
    name      = "push-"                            # ends with a hyphen
    tags      = { key = null }                     # no value
    functions = { push = { memory_size = 512.5 } } # a fraction
  }
  expect_failures = [var.name, var.tags, var.functions]
}

run "refused_6" {
  command = plan
  variables {
    name      = "web_socket"                                         # an underscore
    tags      = { for number in range(49) : "key-${number}" => "v" } # too many
    functions = { push = { timeout = 0 } }                           # too short
  }
  expect_failures = [var.name, var.tags, var.functions]
}

run "refused_7" {
  command = plan
  variables {
    functions = { push = { timeout = 901 } } # longer than Lambda runs
  }
  expect_failures = [var.functions]
}

run "refused_8" {
  command = plan
  variables {
    functions = { push = { timeout = 1.5 } } # a fraction
  }
  expect_failures = [var.functions]
}

run "refused_9" {
  command = plan
  variables {
    functions = { connect = { timeout = 30 } } # longer than API Gateway waits
  }
  expect_failures = [var.functions]
}

run "refused_10" {
  command = plan
  variables {
    functions = { disconnect = { timeout = 30 } } # longer than API Gateway waits
  }
  expect_failures = [var.functions]
}

run "refused_11" {
  command = plan
  variables {
    functions = { poll = { timeout = 30 } } # longer than API Gateway waits
  }
  expect_failures = [var.functions]
}

run "refused_12" {
  command = plan
  variables {
    functions = { push = { reserved_concurrency = -1 } } # negative
  }
  expect_failures = [var.functions]
}

run "refused_13" {
  command = plan
  variables {
    functions = { push = { reserved_concurrency = 0.5 } } # a fraction
  }
  expect_failures = [var.functions]
}

run "refused_14" {
  command = plan
  variables {
    functions = { push = { architecture = "amd64" } } # no such architecture
  }
  expect_failures = [var.functions]
}

run "refused_15" {
  command = plan
  variables {
    functions = { push = { runtime = "python3.10" } } # too old
  }
  expect_failures = [var.functions]
}

run "refused_16" {
  command = plan
  variables {
    functions = { push = { runtime = "nodejs22.x" } } # another language
  }
  expect_failures = [var.functions]
}

# What is refused about who may connect, in the same way.

run "connecting_refused_1" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: no keys
    jwt = {}
    # authorizer: an ARN for a name
    authorizer = { function_name = "arn:aws:lambda:eu-central-1:123456789012:function:mine", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:mine" }
    # allowed_origins: a wildcard
    allowed_origins = ["*"]
    # packages: no such function
    packages = { pull = { filename = "pull.zip" } }
  }
  expect_failures = [var.jwt, var.authorizer, var.allowed_origins, var.packages]
}

# By itself: functions is compared with jwt, so it is not looked at where jwt is refused.
run "an_authorizer_that_api_gateway_does_not_wait_for" {
  command = plan
  variables {
    allow_anonymous = false
    jwt             = { jwks_uri = "https://issuer.example/jwks.json" }
    functions       = { verify_jwt = { timeout = 30 } }
  }
  expect_failures = [var.functions]
}

run "connecting_refused_2" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: two sources of keys
    jwt = { jwks_uri = "https://issuer.example/jwks.json", secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push-a1B2c3" }
    # authorizer: empty
    authorizer = { function_name = "", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:" }
    # allowed_origins: a wildcard
    allowed_origins = ["https://*.example.com"]
    # packages: no package
    packages = { push = {} }
  }
  expect_failures = [var.jwt, var.authorizer, var.allowed_origins, var.packages]
}

run "connecting_refused_3" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: keys in the clear
    jwt = { jwks_uri = "http://issuer.example/jwks.json" }
    # authorizer: an alias
    authorizer = { function_name = "mine:live", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:mine:live" }
    # allowed_origins: no scheme
    allowed_origins = ["app.example.com"]
    # packages: null
    packages = { push = null }
  }
  expect_failures = [var.jwt, var.authorizer, var.allowed_origins, var.packages]
}

run "connecting_refused_4" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: loopback without the word on it
    jwt = { jwks_uri = "http://127.0.0.1/jwks.json" }
    # authorizer: an alias
    authorizer = { function_name = "mine", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:mine:live" }
    # allowed_origins: a slash at the end
    allowed_origins = ["https://app.example.com/"]
    # packages: two places
    packages = { push = { filename = "main.tf", s3_bucket = "packages" } }
  }
  expect_failures = [var.jwt, var.authorizer, var.allowed_origins, var.packages]
}

run "connecting_refused_5" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: in the clear, and no loopback
    jwt = { jwks_uri = "http://issuer.example/jwks.json", allow_insecure_loopback = true }
    # authorizer: another function
    authorizer = { function_name = "mine", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:other" }
    # allowed_origins: a path
    allowed_origins = ["https://app.example.com/path"]
    # packages: two places
    packages = { push = { filename = "main.tf", s3_key = "push.zip" } }
  }
  expect_failures = [var.jwt, var.authorizer, var.allowed_origins, var.packages]
}

run "connecting_refused_6" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a name like an address
    jwt = { jwks_uri = "http://127.0.0.1.example/jwks.json", allow_insecure_loopback = true }
    # authorizer: another function of a like name
    authorizer = { function_name = "mine", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:undermine" }
    # allowed_origins: a capital
    allowed_origins = ["https://App.example.com"]
    # packages: a version of a local file
    packages = { push = { filename = "main.tf", s3_object_version = "1" } }
  }
  expect_failures = [var.jwt, var.authorizer, var.allowed_origins, var.packages]
}

run "connecting_refused_7" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a user name like a host
    jwt = { jwks_uri = "http://localhost@issuer.example/", allow_insecure_loopback = true }
    # authorizer: a name for an ARN
    authorizer = { function_name = "mine", function_arn = "mine" }
    # allowed_origins: the port that https has anyway
    allowed_origins = ["https://app.example.com:443"]
    # packages: no key
    packages = { push = { s3_bucket = "packages" } }
  }
  expect_failures = [var.jwt, var.authorizer, var.allowed_origins, var.packages]
}

run "connecting_refused_8" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a password
    jwt = { jwks_uri = "https://user:password@issuer.example/jwks.json" }
    # authorizer: no name
    authorizer = { function_name = null, function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:mine" }
    # allowed_origins: the port that http has anyway
    allowed_origins = ["http://localhost:80"]
    # packages: no bucket
    packages = { push = { s3_key = "push.zip" } }
  }
  expect_failures = [var.jwt, var.authorizer, var.allowed_origins, var.packages]
}

run "connecting_refused_9" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a fragment
    jwt = { jwks_uri = "https://issuer.example/jwks.json#keys" }
    # authorizer: no ARN
    authorizer = { function_name = "mine", function_arn = null }
    # allowed_origins: the origin of no page in particular
    allowed_origins = ["null"]
    # packages: hexadecimal
    packages = { push = { filename = "main.tf", source_code_hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" } }
  }
  expect_failures = [var.jwt, var.authorizer, var.allowed_origins, var.packages]
}

run "connecting_refused_10" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a space
    jwt = { jwks_uri = "https://issuer.example/my keys" }
    # allowed_origins: empty
    allowed_origins = [""]
    # packages: empty
    packages = { push = { filename = "main.tf", source_code_hash = "" } }
  }
  expect_failures = [var.jwt, var.allowed_origins, var.packages]
}

run "connecting_refused_11" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: no such port
    jwt = { jwks_uri = "https://issuer.example:0/jwks.json" }
    # allowed_origins: a user name
    allowed_origins = ["https://user@app.example.com"]
  }
  expect_failures = [var.jwt, var.allowed_origins]
}

run "connecting_refused_12" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: no scheme
    jwt = { jwks_uri = "issuer.example/jwks.json" }
    # allowed_origins: no such port
    allowed_origins = ["https://app.example.com:0"]
  }
  expect_failures = [var.jwt, var.allowed_origins]
}

run "connecting_refused_13" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: another scheme
    jwt = { jwks_uri = "file:///jwks.json" }
    # allowed_origins: not as browsers send it
    allowed_origins = ["https://bücher.example"]
  }
  expect_failures = [var.jwt, var.allowed_origins]
}

run "connecting_refused_14" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: no host
    jwt = { jwks_uri = "https:///jwks.json" }
    # allowed_origins: null
    allowed_origins = ["https://a.example", null]
  }
  expect_failures = [var.jwt, var.allowed_origins]
}

run "connecting_refused_15" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: empty
    jwt = { jwks_uri = "" }
    # allowed_origins: more than an environment holds
    allowed_origins = [for number in range(200) : "https://app-${number}.example"]
  }
  expect_failures = [var.jwt, var.allowed_origins]
}

run "connecting_refused_16" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: the secret itself
    jwt = { secret_arn = "correct horse battery staple" }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_17" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a name
    jwt = { secret_arn = "push-jwt" }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_18" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a part of the ARN
    jwt = { secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push" }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_19" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a pattern
    jwt = { secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:*-a1B2c3" }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_20" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a pattern
    jwt = { secret_arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/*" }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_21" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a version
    jwt = { secret_arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/push:3" }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_22" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: another service
    jwt = { secret_arn = "arn:aws:s3:::bucket/secret-a1B2c3" }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_23" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: an alias
    jwt = { secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push-a1B2c3", secret_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/push" }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_24" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a pattern
    jwt = { secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push-a1B2c3", secret_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/*" }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_25" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: nothing to decrypt
    jwt = { jwks_uri = "https://issuer.example/jwks.json", secret_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd" }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_26" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: no signature
    jwt = { jwks_uri = "https://issuer.example/jwks.json", algorithms = ["none"] }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_27" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: no signature
    jwt = { secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push-a1B2c3", algorithms = ["none"] }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_28" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: for a secret
    jwt = { jwks_uri = "https://issuer.example/jwks.json", algorithms = ["RS256", "HS256"] }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_29" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: for an issuer
    jwt = { secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push-a1B2c3", algorithms = ["HS256", "RS256"] }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_30" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: in lower case
    jwt = { jwks_uri = "https://issuer.example/jwks.json", algorithms = ["rs256"] }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_31" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: none at all
    jwt = { jwks_uri = "https://issuer.example/jwks.json", algorithms = [] }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_32" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: empty
    jwt = { jwks_uri = "https://issuer.example/jwks.json", issuer = "" }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_33" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: empty
    jwt = { jwks_uri = "https://issuer.example/jwks.json", audience = [""] }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_34" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: null
    jwt = { jwks_uri = "https://issuer.example/jwks.json", audience = ["a", null] }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_35" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: more than an environment holds
    jwt = { jwks_uri = "https://issuer.example/jwks.json", audience = [for _ in range(300) : "0123456789"] }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_36" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: empty
    jwt = { jwks_uri = "https://issuer.example/jwks.json", user_id_claim = "" }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_37" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: negative
    jwt = { jwks_uri = "https://issuer.example/jwks.json", leeway = -1 }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_38" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: too long
    jwt = { jwks_uri = "https://issuer.example/jwks.json", leeway = 301 }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_39" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a fraction
    jwt = { jwks_uri = "https://issuer.example/jwks.json", leeway = 0.5 }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_40" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: too short
    jwt = { jwks_uri = "https://issuer.example/jwks.json", jwks_cache_seconds = 0 }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_41" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: too long
    jwt = { jwks_uri = "https://issuer.example/jwks.json", jwks_cache_seconds = 86401 }
  }
  expect_failures = [var.jwt]
}

run "connecting_refused_42" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a fraction
    jwt = { jwks_uri = "https://issuer.example/jwks.json", jwks_cache_seconds = 1.5 }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_1" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a use of tokens that is no login
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", token_use = "refresh" }
    # allowed_origins: no keyword in capitals
    allowed_origins = ["Self"]
  }
  expect_failures = [var.jwt, var.allowed_origins]
}

run "issuers_refused_2" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a kind of token that is no login
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", typ = "application/Logout+JWT" }
    # allowed_origins: a keyword in quotes
    allowed_origins = ["'self'"]
  }
  expect_failures = [var.jwt, var.allowed_origins]
}

run "issuers_refused_3" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a kind of token that is no login
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", typ = "secevent+jwt" }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_4" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: no kind of token
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", typ = "at jwt" }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_5" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a second issuer beside any
    jwt = { jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys" }] }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_6" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: an issuer twice
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "a", jwks_uri = "https://issuer.example/keys" }] }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_7" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: two more that are one
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys" }, { issuer = "b", jwks_uri = "https://issuer.example/keys" }] }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_8" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: an issuer without a name
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "", jwks_uri = "https://issuer.example/keys" }] }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_9" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: an issuer without keys
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b" }] }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_10" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: an issuer with keys of two sources
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys", secret_arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/push/jwt" }] }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_11" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: keys in the clear
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "http://issuer.example/keys" }] }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_12" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: algorithms of other keys
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys", algorithms = ["HS256"] }] }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_13" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a key for a secret that is not there
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys", secret_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd" }] }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_14" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: an audience without a name
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys", audience = [""] }] }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_15" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a user without a claim
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys", user_id_claim = "" }] }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_16" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a use of tokens that is no login
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys", token_use = "refresh" }] }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_17" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: a kind of token that is no login
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys", typ = "logout+jwt" }] }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_18" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: no secret
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", secret_arn = "secret" }] }
  }
  expect_failures = [var.jwt]
}

run "issuers_refused_19" {
  command = plan
  variables {
    allow_anonymous = false
    # jwt: null
    jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [null] }
  }
  expect_failures = [var.jwt]
}

# --- Taking notifications in

run "smallest_intake" {
  command = plan
  variables {
    async_invocation = { maximum_event_age = 60, maximum_retry_attempts = 0 }
    push_queue       = { batch_size = 1, maximum_batching_window = 0, maximum_concurrency = 2, max_receive_count = 1 }
    functions        = { push = { reserved_concurrency = 2 } }
  }
}

run "largest_intake" {
  command = plan

  override_data {
    target          = data.aws_service.api
    override_during = plan
    values          = { region = "cn-north-1" }
  }

  variables {
    async_invocation = { maximum_event_age = 21600, maximum_retry_attempts = 2 }
    push_queue = {
      batch_size              = 1000
      maximum_batching_window = 300
      maximum_concurrency     = 1000
      max_receive_count       = 50
      source_arns             = ["arn:aws:sns:eu-central-1:123456789012:orders", "arn:aws-cn:events:cn-north-1:123456789012:rule/my-bus/orders"]
    }
  }
}

run "intake_refused_1" {
  command = plan
  variables {
    async_invocation = { maximum_event_age = 59 }
    push_queue       = { batch_size = 0 }
  }
  expect_failures = [var.async_invocation, var.push_queue]
}

run "intake_refused_2" {
  command = plan
  variables {
    async_invocation = { maximum_event_age = 21601 }
    push_queue       = { batch_size = 1001, maximum_batching_window = 1 }
  }
  expect_failures = [var.async_invocation, var.push_queue]
}

run "intake_refused_3" {
  command = plan
  variables {
    async_invocation = { maximum_event_age = 60.5 }
    push_queue       = { batch_size = 1.5 }
  }
  expect_failures = [var.async_invocation, var.push_queue]
}

run "intake_refused_4" {
  command = plan
  variables {
    async_invocation = { maximum_retry_attempts = 3 }
    push_queue       = { batch_size = 11 }
  }
  expect_failures = [var.async_invocation, var.push_queue]
}

run "intake_refused_5" {
  command = plan
  variables {
    async_invocation = { maximum_retry_attempts = -1 }
    push_queue       = { maximum_batching_window = -1 }
  }
  expect_failures = [var.async_invocation, var.push_queue]
}

run "intake_refused_6" {
  command = plan
  variables {
    async_invocation = { maximum_retry_attempts = 0.5 }
    push_queue       = { maximum_batching_window = 301 }
  }
  expect_failures = [var.async_invocation, var.push_queue]
}

run "intake_refused_7" {
  command = plan
  variables {
    push_queue = { maximum_concurrency = 1 }
  }
  expect_failures = [var.push_queue]
}

run "intake_refused_8" {
  command = plan
  variables {
    push_queue = { maximum_concurrency = 1001 }
  }
  expect_failures = [var.push_queue]
}

run "intake_refused_9" {
  command = plan
  variables {
    push_queue = { max_receive_count = 0 }
  }
  expect_failures = [var.push_queue]
}

run "intake_refused_10" {
  command = plan
  variables {
    push_queue = { max_receive_count = 51 }
  }
  expect_failures = [var.push_queue]
}

run "intake_refused_11" {
  command = plan
  variables {
    push_queue = { max_receive_count = 2.5 }
  }
  expect_failures = [var.push_queue]
}

run "intake_refused_12" {
  command = plan
  variables {
    push_queue = { source_arns = ["arn:aws:sns:eu-central-1:123456789012:*"] }
  }
  expect_failures = [var.push_queue]
}

run "intake_refused_13" {
  command = plan
  variables {
    push_queue = { source_arns = ["arn:aws:s3:::bucket"] }
  }
  expect_failures = [var.push_queue]
}

run "intake_refused_14" {
  command = plan
  variables {
    push_queue = { source_arns = ["arn:aws:events:eu-central-1:123456789012:event-bus/default"] }
  }
  expect_failures = [var.push_queue]
}

run "intake_refused_15" {
  command = plan
  variables {
    push_queue = { maximum_concurrency = 10 }
    functions  = { push = { reserved_concurrency = 9 } }
  }
  expect_failures = [var.push_queue]
}

# --- What is logged, measured and watched.

run "monitoring_at_its_limits" {
  command = plan

  override_data {
    target          = data.aws_service.api
    override_during = plan
    values          = { region = "us-gov-west-1" }
  }

  variables {
    log_level         = "ERROR"
    metrics_namespace = "Team-1/push.events_2#x:y"
    dashboard         = true
    alarms = {
      sns_topic_arns = ["arn:aws-us-gov:sns:us-gov-west-1:123456789012:operations"]
      leave_out      = ["throttles", "push_queue_dead_letters"]
      thresholds     = { push_duration = 99.9, errors = 0, deliveries_failed = 1e6 }
    }
  }
}

run "monitoring_turned_off" {
  command = plan
  variables {
    log_level         = "WARN"
    metrics_namespace = ""
  }
}

run "a_log_level_that_would_log_secrets" {
  command = plan
  variables {
    log_level = "DEBUG"
  }
  expect_failures = [var.log_level]
}

run "a_namespace_of_amazon" {
  command = plan
  variables {
    metrics_namespace = "AWS/WebSocketPush"
  }
  expect_failures = [var.metrics_namespace]
}

run "a_namespace_with_a_space" {
  command = plan
  variables {
    metrics_namespace = "WebSocket Push"
  }
  expect_failures = [var.metrics_namespace]
}

run "a_namespace_that_begins_with_a_colon" {
  command = plan
  variables {
    metrics_namespace = ":push"
  }
  expect_failures = [var.metrics_namespace]
}

run "a_topic_that_alarms_cannot_publish_to" {
  command = plan
  variables {
    alarms = { sns_topic_arns = ["arn:aws:sns:eu-central-1:123456789012:operations.fifo"] }
  }
  expect_failures = [var.alarms]
}

run "more_topics_than_an_alarm_takes" {
  command = plan
  variables {
    alarms = { sns_topic_arns = [for number in range(6) : "arn:aws:sns:eu-central-1:123456789012:operations-${number}"] }
  }
  expect_failures = [var.alarms]
}

run "no_list_of_topics" {
  command = plan
  variables {
    alarms = { sns_topic_arns = [null] }
  }
  expect_failures = [var.alarms]
}

run "an_alarm_that_is_none" {
  command = plan
  variables {
    alarms = { leave_out = ["dead-letters"] }
  }
  expect_failures = [var.alarms]
}

run "a_threshold_below_zero" {
  command = plan
  variables {
    alarms = { thresholds = { faults = -1 } }
  }
  expect_failures = [var.alarms]
}

run "a_duration_that_never_comes" {
  command = plan
  variables {
    alarms = { thresholds = { push_duration = 100 } }
  }
  expect_failures = [var.alarms]
}

# --- Tables, keys, network, roles, functions, access logs, domain

run "largest_tables_that_are_accepted" {
  command = plan

  override_data {
    target          = data.aws_service.api
    override_during = plan
    values          = { region = "us-gov-west-1" }
  }

  variables {
    table_billing = {
      mode               = "PROVISIONED"
      clients            = { read_capacity = 1, read_capacity_max = 1, write_capacity = 40000, write_capacity_max = 40000 }
      clients_index      = { read_capacity = 1 }
      notifications      = {}
      target_utilization = 90
    }
    point_in_time_recovery = false
    kms                    = { tables_key_arn = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1234abcd", logs_key_arn = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
  }
}

run "smallest_utilization_that_is_accepted" {
  command = plan
  variables {
    table_billing = { mode = "PROVISIONED", target_utilization = 20 }
  }
}

run "on_demand_by_name" {
  command = plan
  variables {
    table_billing = { mode = "PAY_PER_REQUEST" }
  }
}

run "billing_mode_refused" {
  command = plan
  variables {
    table_billing = { mode = "provisioned" }
  }
  expect_failures = [var.table_billing]
}

run "capacity_of_clients_on_demand" {
  command = plan
  variables {
    table_billing = { clients = {} }
  }
  expect_failures = [var.table_billing]
}

run "capacity_of_clients_index_on_demand" {
  command = plan
  variables {
    table_billing = { clients_index = {} }
  }
  expect_failures = [var.table_billing]
}

run "capacity_of_notifications_on_demand" {
  command = plan
  variables {
    table_billing = { notifications = {} }
  }
  expect_failures = [var.table_billing]
}

run "utilization_on_demand" {
  command = plan
  variables {
    table_billing = { target_utilization = 70 }
  }
  expect_failures = [var.table_billing]
}

run "capacity_of_nothing" {
  command = plan
  variables {
    table_billing = { mode = "PROVISIONED", clients = { read_capacity = 0 } }
  }
  expect_failures = [var.table_billing]
}

run "capacity_of_an_index_of_nothing" {
  command = plan
  variables {
    table_billing = { mode = "PROVISIONED", clients_index = { write_capacity = 0 } }
  }
  expect_failures = [var.table_billing]
}

run "capacity_in_parts" {
  command = plan
  variables {
    table_billing = { mode = "PROVISIONED", notifications = { write_capacity = 1.5 } }
  }
  expect_failures = [var.table_billing]
}

run "largest_capacity_in_parts" {
  command = plan
  variables {
    table_billing = { mode = "PROVISIONED", notifications = { write_capacity_max = 5.5 } }
  }
  expect_failures = [var.table_billing]
}

run "largest_capacity_below_the_smallest" {
  command = plan
  variables {
    table_billing = { mode = "PROVISIONED", clients = { read_capacity = 6, read_capacity_max = 5 } }
  }
  expect_failures = [var.table_billing]
}

run "largest_capacity_below_the_default" {
  command = plan
  variables {
    table_billing = { mode = "PROVISIONED", clients = { write_capacity_max = 4 } }
  }
  expect_failures = [var.table_billing]
}

run "largest_capacity_below_the_smallest_of_notifications" {
  command = plan
  variables {
    table_billing = { mode = "PROVISIONED", notifications = { write_capacity_max = 4 } }
  }
  expect_failures = [var.table_billing]
}

run "utilization_too_small" {
  command = plan
  variables {
    table_billing = { mode = "PROVISIONED", target_utilization = 19 }
  }
  expect_failures = [var.table_billing]
}

run "utilization_too_large" {
  command = plan
  variables {
    table_billing = { mode = "PROVISIONED", target_utilization = 91 }
  }
  expect_failures = [var.table_billing]
}

run "alias_of_a_tables_key" {
  command = plan
  variables {
    kms = { tables_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/mine" }
  }
  expect_failures = [var.kms]
}

run "id_of_a_logs_key" {
  command = plan
  variables {
    kms = { logs_key_arn = "1234abcd-12ab-34cd-56ef-1234567890ab" }
  }
  expect_failures = [var.kms]
}

run "alias_of_a_queues_key" {
  command = plan
  variables {
    kms = { queues_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/mine" }
  }
  expect_failures = [var.kms]
}

run "any_key" {
  command = plan
  variables {
    kms = { logs_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/*" }
  }
  expect_failures = [var.kms]
}

run "largest_vpc_that_is_accepted" {
  command = plan
  variables {
    vpc       = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1", "sg-2", "sg-3", "sg-4", "sg-5"] }
    iam_roles = { path = "/teams/push/", permissions_boundary_arn = "arn:aws-cn:iam::123456789012:policy/teams/push" }
  }
}

run "boundary_of_aws" {
  command = plan
  variables {
    iam_roles = { permissions_boundary_arn = "arn:aws:iam::aws:policy/PowerUserAccess" }
  }
}

run "vpc_without_subnets" {
  command = plan
  variables {
    vpc = { subnet_ids = [], security_group_ids = ["sg-1"] }
  }
  expect_failures = [var.vpc]
}

run "vpc_without_security_groups" {
  command = plan
  variables {
    vpc = { subnet_ids = ["subnet-1"], security_group_ids = [] }
  }
  expect_failures = [var.vpc]
}

run "vpc_with_too_many_security_groups" {
  command = plan
  variables {
    vpc = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1", "sg-2", "sg-3", "sg-4", "sg-5", "sg-6"] }
  }
  expect_failures = [var.vpc]
}

run "vpc_with_no_subnet" {
  command = plan
  variables {
    vpc = { subnet_ids = ["sg-1"], security_group_ids = ["sg-1"] }
  }
  expect_failures = [var.vpc]
}

run "vpc_with_no_security_group" {
  command = plan
  variables {
    vpc = { subnet_ids = ["subnet-1"], security_group_ids = ["subnet-1"] }
  }
  expect_failures = [var.vpc]
}

run "vpc_with_null" {
  command = plan
  variables {
    vpc = { subnet_ids = null, security_group_ids = ["sg-1"] }
  }
  expect_failures = [var.vpc]
}

run "path_without_a_slash_at_the_end" {
  command = plan
  variables {
    iam_roles = { path = "/push" }
  }
  expect_failures = [var.iam_roles]
}

run "path_without_a_slash_at_the_beginning" {
  command = plan
  variables {
    iam_roles = { path = "push/" }
  }
  expect_failures = [var.iam_roles]
}

run "path_too_long" {
  command = plan
  variables {
    iam_roles = { path = "/${join("", [for number in range(511) : "a"])}/" }
  }
  expect_failures = [var.iam_roles]
}

run "boundary_that_is_a_role" {
  command = plan
  variables {
    iam_roles = { permissions_boundary_arn = "arn:aws:iam::123456789012:role/boundary" }
  }
  expect_failures = [var.iam_roles]
}

run "smallest_functions_that_are_accepted_with_more" {
  command = plan
  variables {
    functions = {
      push = { provisioned_concurrency = 1, reserved_concurrency = 1, environment = { aB = "", AWS_ENDPOINT_URL = "https://vpce.example" } }
      poll = { provisioned_concurrency = 5, environment = null }
    }
  }
}

run "provisioned_concurrency_of_nothing" {
  command = plan
  variables {
    functions = { push = { provisioned_concurrency = 0 } }
  }
  expect_failures = [var.functions]
}

run "provisioned_concurrency_in_parts" {
  command = plan
  variables {
    functions = { push = { provisioned_concurrency = 1.5 } }
  }
  expect_failures = [var.functions]
}

run "provisioned_concurrency_beyond_the_reserved" {
  command = plan
  variables {
    functions = { push = { provisioned_concurrency = 3, reserved_concurrency = 2 } }
  }
  expect_failures = [var.functions]
}

run "variable_of_lambda" {
  command = plan
  variables {
    functions = { push = { environment = { AWS_REGION = "eu-central-1" } } }
  }
  expect_failures = [var.functions]
}

run "variable_with_a_hyphen" {
  command = plan
  variables {
    functions = { push = { environment = { no-name = "" } } }
  }
  expect_failures = [var.functions]
}

run "variable_that_is_null" {
  command = plan
  variables {
    functions = { push = { environment = { NAME = null } } }
  }
  expect_failures = [var.functions]
}

run "access_logs_by_default" {
  command = plan
  variables {
    access_logs = {}
  }
}

run "access_logs_for_ever" {
  command = plan
  variables {
    access_logs = { retention_days = 0, source_ip = true }
  }
}

run "access_logs_for_two_days" {
  command = plan
  variables {
    access_logs = { retention_days = 2 }
  }
  expect_failures = [var.access_logs]
}

run "smallest_domain_that_is_accepted" {
  command = plan
  variables {
    custom_domain = {
      domain_name     = "a.b"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
    }
  }
}

run "largest_domain_that_is_accepted" {
  command = plan
  variables {
    custom_domain = {
      domain_name     = "xn--bcher-kva.a-1.push.example.com"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
      hosted_zone_id  = "Z0123456789ABCDEFGHIJ"
      mapping_key     = "v1.2_a-B"
    }
  }
}

run "domain_with_a_scheme" {
  command = plan
  variables {
    custom_domain = {
      domain_name     = "wss://push.example.com"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
    }
  }
  expect_failures = [var.custom_domain]
}

run "domain_of_any_name" {
  command = plan
  variables {
    custom_domain = {
      domain_name     = "*.example.com"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
    }
  }
  expect_failures = [var.custom_domain]
}

run "domain_without_a_dot" {
  command = plan
  variables {
    custom_domain = {
      domain_name     = "localhost"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
    }
  }
  expect_failures = [var.custom_domain]
}

run "domain_in_upper_case" {
  command = plan
  variables {
    custom_domain = {
      domain_name     = "Push.example.com"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
    }
  }
  expect_failures = [var.custom_domain]
}

run "domain_too_long" {
  command = plan
  variables {
    custom_domain = {
      domain_name     = "${join(".", [for number in range(64) : "abc"])}"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
    }
  }
  expect_failures = [var.custom_domain]
}

run "domain_that_is_null" {
  command = plan
  variables {
    custom_domain = {
      domain_name     = null
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
    }
  }
  expect_failures = [var.custom_domain]
}

run "certificate_of_iam" {
  command = plan
  variables {
    custom_domain = {
      domain_name     = "push.example.com"
      certificate_arn = "arn:aws:iam::123456789012:server-certificate/push"
    }
  }
  expect_failures = [var.custom_domain]
}

run "zone_with_its_path" {
  command = plan
  variables {
    custom_domain = {
      domain_name     = "push.example.com"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
      hosted_zone_id  = "/hostedzone/Z1"
    }
  }
  expect_failures = [var.custom_domain]
}

run "mapping_key_with_a_slash" {
  command = plan
  variables {
    custom_domain = {
      domain_name     = "push.example.com"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
      mapping_key     = "v1/push"
    }
  }
  expect_failures = [var.custom_domain]
}

run "mapping_key_of_nothing" {
  command = plan
  variables {
    custom_domain = {
      domain_name     = "push.example.com"
      certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
      mapping_key     = ""
    }
  }
  expect_failures = [var.custom_domain]
}

# --- What AWS would refuse half way through an apply

run "tag_keys_that_differ_by_case" {
  command = plan
  variables {
    tags = { team = "a", Team = "b" }
  }
  expect_failures = [var.tags]
}

run "a_tag_key_like_the_modules_own" {
  command = plan
  variables {
    tags = { name = "a" }
  }
  expect_failures = [var.tags]
}

run "a_default_tag_like_the_modules_own" {
  command = plan

  override_data {
    target          = data.aws_default_tags.current
    override_during = plan
    values          = { tags = { NAME = "a" } }
  }
  expect_failures = [var.tags]
}

run "a_default_tag_like_one_of_the_callers" {
  command = plan

  override_data {
    target          = data.aws_default_tags.current
    override_during = plan
    values          = { tags = { Team = "a" } }
  }

  variables {
    tags = { team = "a" }
  }
  expect_failures = [var.tags]
}

run "a_default_tag_that_is_replaced" {
  command = plan

  override_data {
    target          = data.aws_default_tags.current
    override_during = plan
    values          = { tags = { team = "a", Name = "b" } }
  }

  variables {
    tags = { team = "b" }
  }
}

run "too_many_tags_with_the_default_ones" {
  command = plan

  override_data {
    target          = data.aws_default_tags.current
    override_during = plan
    values          = { tags = { a = "1", b = "2" } }
  }

  variables {
    tags = { for number in range(47) : "tag-${number}" => "" }
  }
  expect_failures = [var.tags]
}

run "a_tag_key_with_a_character_that_iam_refuses" {
  command = plan
  variables {
    tags = { "team#1" = "a" }
  }
  expect_failures = [var.tags]
}

run "a_tag_value_with_a_character_that_iam_refuses" {
  command = plan
  variables {
    tags = { team = "a, b" }
  }
  expect_failures = [var.tags]
}

run "tags_with_all_characters_that_are_taken" {
  command = plan
  variables {
    tags = { "Équipe 1_.:/=+-@" = "ü 2_.:/=+-@", empty = "" }
  }
}

run "a_port_above_the_highest" {
  command = plan
  variables {
    allowed_origins = ["http://localhost:65536"]
  }
  expect_failures = [var.allowed_origins]
}

run "the_highest_port" {
  command = plan
  variables {
    allowed_origins = ["http://localhost:65535", "http://[::1]:65535"]
  }
}

run "a_key_sets_port_above_the_highest" {
  command = plan
  variables {
    allow_anonymous = false
    jwt             = { jwks_uri = "https://issuer.example:65536/jwks.json" }
  }
  expect_failures = [var.jwt]
}

run "settings_for_tokens_that_nobody_verifies" {
  command = plan
  variables {
    functions = { verify_jwt = { memory_size = 512 } }
  }
  expect_failures = [var.functions]
}

run "sixteen_subnets" {
  command = plan
  variables {
    vpc = { subnet_ids = [for number in range(16) : "subnet-${number}"], security_group_ids = ["sg-1"] }
  }
}

run "seventeen_subnets" {
  command = plan
  variables {
    vpc = { subnet_ids = [for number in range(17) : "subnet-${number}"], security_group_ids = ["sg-1"] }
  }
  expect_failures = [var.vpc]
}

run "six_security_groups" {
  command = plan
  variables {
    vpc = { subnet_ids = ["subnet-1"], security_group_ids = [for number in range(6) : "sg-${number}"] }
  }
  expect_failures = [var.vpc]
}

run "an_authorizer_of_another_region" {
  command = plan
  variables {
    allow_anonymous = false
    authorizer      = { function_name = "mine", function_arn = "arn:aws:lambda:us-east-1:123456789012:function:mine" }
  }
  expect_failures = [var.authorizer]
}

run "a_certificate_of_another_region" {
  command = plan
  variables {
    custom_domain = { domain_name = "push.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1234" }
  }
  expect_failures = [var.custom_domain]
}

run "keys_of_this_region" {
  command = plan
  variables {
    kms = {
      tables_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
      queues_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    }
  }
}

run "a_key_of_another_region" {
  command = plan
  variables {
    kms = { queues_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1234" }
  }
  expect_failures = [var.kms]
}

run "a_topic_for_alarms_of_another_region" {
  command = plan
  variables {
    alarms = { sns_topic_arns = ["arn:aws:sns:us-east-1:123456789012:operations"] }
  }
  expect_failures = [var.alarms]
}

run "a_rule_of_another_region" {
  command = plan
  variables {
    push_queue = { source_arns = ["arn:aws:events:us-east-1:123456789012:rule/orders"] }
  }
  expect_failures = [var.push_queue]
}

run "a_topic_of_another_region_that_sends" {
  command = plan
  variables {
    push_queue = { source_arns = ["arn:aws:sns:us-east-1:123456789012:orders"] }
  }
}

run "a_secret_of_another_region" {
  command = plan
  variables {
    allow_anonymous = false
    jwt             = { secret_arn = "arn:aws:ssm:us-east-1:123456789012:parameter/push" }
  }
}

run "throttling_above_the_quota" {
  command = plan
  variables {
    throttling = { rate_limit = 10001 }
  }
  expect_failures = [check.throttling]
}

run "a_burst_above_the_quota" {
  command = plan
  variables {
    throttling = { burst_limit = 5001 }
  }
  expect_failures = [check.throttling]
}

run "throttling_above_the_quota_of_a_smaller_region" {
  command = plan

  override_data {
    target          = data.aws_service.api
    override_during = plan
    values          = { region = "eu-south-2" }
  }

  variables {
    throttling = { rate_limit = 2501, burst_limit = 1250 }
  }
  expect_failures = [check.throttling]
}

run "throttling_within_the_quota_of_a_smaller_region" {
  command = plan

  override_data {
    target          = data.aws_service.api
    override_during = plan
    values          = { region = "eu-south-2" }
  }

  variables {
    throttling = { rate_limit = 2500, burst_limit = 1250 }
  }
}

run "a_smaller_quota_is_the_default_there" {
  command = plan

  override_data {
    target          = data.aws_service.api
    override_during = plan
    values          = { region = "eu-south-2" }
  }

  override_resource {
    target          = module.api.aws_apigatewayv2_api.this
    override_during = plan
    values = {
      api_endpoint  = "wss://a1b2c3d4e5.execute-api.eu-south-2.amazonaws.com"
      execution_arn = "arn:aws:execute-api:eu-south-2:123456789012:a1b2c3d4e5"
    }
  }

  variables {
    throttling = { burst_limit = 100 }
  }

  assert {
    condition     = local.throttling.rate_limit == 2500 && local.throttling.burst_limit == 100
    error_message = "Without a limit of its own the stage has the Region's quota, which no check warns of."
  }
}

run "a_topic_of_an_opt_in_region_that_sends" {
  command = plan
  variables {
    push_queue = { source_arns = ["arn:aws:sns:ap-east-1:123456789012:orders"] }
  }
  expect_failures = [var.push_queue]
}

run "a_topic_that_sends_to_an_opt_in_region" {
  command = plan

  override_data {
    target          = data.aws_service.api
    override_during = plan
    values          = { region = "ap-east-1" }
  }

  variables {
    push_queue = { source_arns = ["arn:aws:sns:eu-central-1:123456789012:orders"] }
  }
  expect_failures = [var.push_queue]
}

run "a_topic_within_an_opt_in_region" {
  command = plan

  override_data {
    target          = data.aws_service.api
    override_during = plan
    values          = { region = "ap-east-1" }
  }

  variables {
    push_queue = { source_arns = ["arn:aws:sns:ap-east-1:123456789012:orders"] }
  }
}

run "a_secret_of_another_region_with_its_key" {
  command = plan
  variables {
    allow_anonymous = false
    jwt = {
      secret_arn         = "arn:aws:ssm:us-east-1:123456789012:parameter/push"
      secret_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    }
  }
}

run "a_key_of_another_region_than_the_secret" {
  command = plan
  variables {
    allow_anonymous = false
    jwt = {
      secret_arn         = "arn:aws:ssm:us-east-1:123456789012:parameter/push"
      secret_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    }
  }
  expect_failures = [var.jwt]
}
