# Values at the ends of what a type holds, and texts with something too much. Functions are looked at only where jwt is
# accepted, so they have cases of their own.

module "extremes_refused_1" {
  source = "../../../"

  jwt           = { jwks_uri = "https://issuer.example/jwks.json", issuer = "https://issuer.example/ " } # refused: jwt.issuer must equal
  vpc           = { subnet_ids = ["subnet-0123 "], security_group_ids = ["sg-1"] }                       # refused: vpc.subnet_ids must list ids
  iam_roles     = { path = "/a!b/" }                                                                     # refused: iam_roles.path must begin and
  table_billing = { mode = "PROVISIONED", clients = { read_capacity = 2147483648 } }                     # refused: A capacity in table_billing
  throttling    = { rate_limit = 1e300 }                                                                 # refused: throttling.rate_limit must be from
  packages      = { push = { filename = " " } }                                                          # refused: An entry of packages is either
  alarms        = { thresholds = { errors = 1e400 } }                                                    # refused: A threshold in alarms.thresholds
  limits        = { connections_per_user = 1, on_excess = "" }                                           # refused: limits.on_excess must be "refuse"
}

module "extremes_refused_2" {
  source = "../../../"

  jwt           = { jwks_uri = "https://issuer.example/jwks.json", issuer = "https://issuer.example/\n" } # refused: jwt.issuer must equal
  vpc           = { subnet_ids = ["subnet-"], security_group_ids = ["sg-1"] }                             # refused: vpc.subnet_ids must list ids
  iam_roles     = { path = "" }                                                                           # refused: iam_roles.path must begin and
  table_billing = { mode = "PROVISIONED", notifications = { write_capacity_max = 2147483648 } }           # refused: A capacity in table_billing
  throttling    = { burst_limit = 4294967296 }                                                            # refused: throttling.burst_limit must be a
  packages      = { push = { s3_bucket = "", s3_key = "push.zip" } }                                      # refused: s3_bucket in packages
}

module "extremes_refused_3" {
  source = "../../../"

  jwt           = { jwks_uri = "https://issuer.example/jwks.json", audience = ["a", " b"] } # refused: jwt.audience must list non-empty
  vpc           = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-*"] }              # refused: vpc.subnet_ids must list ids
  iam_roles     = { permissions_boundary_arn = "arn:aws:iam::123456789012:policy/a*" }      # refused: iam_roles.permissions_boundary_arn must be the
  table_billing = { mode = "PROVISIONED", clients_index = { write_capacity = 2147483648 } } # refused: A capacity in table_billing
  throttling    = { client_rate_limit = 2147483648 }                                        # refused: throttling.client_rate_limit must be from
  packages      = { push = { s3_bucket = "s3://packages", s3_key = "push.zip" } }           # refused: s3_bucket in packages
}

module "extremes_refused_4" {
  source = "../../../"

  jwt        = { jwks_uri = "https://issuer.example/jwks.json", user_id_claim = "sub " } # refused: jwt.user_id_claim must be the
  throttling = { client_burst_limit = 2147483648 }                                       # refused: throttling.client_burst_limit must be a
  packages   = { push = { s3_bucket = "packages.", s3_key = "push.zip" } }               # refused: s3_bucket in packages
}

module "extremes_refused_5" {
  source = "../../../"

  jwt      = { jwks_uri = "https://issuer.example/jwks.json", user_id_claim = " " } # refused: jwt.user_id_claim must be the
  packages = { push = { s3_bucket = "packages", s3_key = "" } }                     # refused: s3_bucket in packages
}

module "extremes_refused_6" {
  source = "../../../"

  jwt      = { jwks_uri = "https://issuer.example/jwks.json", issuer = "a", additional_issuers = [{ issuer = "b ", jwks_uri = "https://issuer.example/jwks.json" }] } # refused: jwt.issuer must equal
  packages = { push = { s3_bucket = "packages", s3_key = "push.zip", s3_object_version = "" } }                                                                       # refused: s3_bucket in packages
}

module "extremes_refused_7" {
  source = "../../../"

  jwt      = { jwks_uri = "https://issuer.example/jwks.json", issuer = "a", additional_issuers = [null] } # refused: jwt needs exactly one source
  packages = { push = { s3_bucket = "packages", s3_key = join("", [for _ in range(205) : "aaaaa"]) } }    # refused: s3_bucket in packages
}

module "extremes_refused_8" {
  source = "../../../"

  jwt    = { jwks_uri = "https://issuer.example/jwks.json", topics_claim = " topics" } # refused: jwt.topics_claim must be the
  topics = {}
}

module "members_that_are_null_have_their_defaults" {
  source = "../../../"

  allow_anonymous  = true
  alarms           = { sns_topic_arns = null, leave_out = null, thresholds = null }
  push_queue       = { batch_size = null, maximum_batching_window = null, maximum_concurrency = null, max_receive_count = null, source_arns = null }
  topics           = { max_per_connection = null, immediate_connections = null, broadcast_rate = null, workers = null }
  control          = { revocation_ttl = null }
  inbox            = { state_ttl = null }
  keepalive        = { action = null, seconds = null }
  async_invocation = { maximum_event_age = null, maximum_retry_attempts = null }
  throttling       = { rate_limit = null, burst_limit = null, client_rate_limit = null, client_burst_limit = null }
  functions        = { push = { memory_size = null, timeout = null, reserved_concurrency = null, provisioned_concurrency = null, architecture = null, runtime = null, environment = null } }
  limits           = { connections_per_user = 1, on_excess = null, messages_per_second = null, burst = null }
  kms              = { tables_key_arn = null, logs_key_arn = null, queues_key_arn = null }
  iam_roles        = { path = null, permissions_boundary_arn = null }
  access_logs      = { retention_days = null, source_ip = null }
  table_billing    = { mode = null, clients = null, clients_index = null, notifications = null, subscriptions = null, target_utilization = null }
}

module "extremes_that_are_accepted" {
  source = "../../../"

  jwt        = { issuer = "https://bücher.example/a b", audience = ["ä b"], jwks_uri = "https://issuer.example/jwks.json" }
  push_queue = { source_arns = ["arn:aws:sns:eu-central-1:123456789012:orders.fifo"] }
  iam_roles  = { path = "/a_b/c-d.e/f+g=h,i@j/", permissions_boundary_arn = "arn:aws:iam::123456789012:policy/a/b!c/boundary-1" }
  packages = {
    push = { s3_bucket = "my.packages-1", s3_key = "push.zip" }
    poll = { s3_bucket = "abc", s3_key = join("", [for _ in range(256) : "aaaa"]), s3_object_version = "null" }
  }
}

module "extremes_refused_9" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { provisioned_concurrency = 2147483648 } } # refused: provisioned_concurrency in functions must be a
}

module "extremes_refused_10" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { environment = { A = "1" } } } # refused: environment in functions must map names of at least two
}

module "extremes_refused_11" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { reserved_concurrency = 4294967296 } } # refused: reserved_concurrency in functions must be a
}

module "extremes_refused_12" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { architecture = "" } } # refused: architecture in functions must be "arm64"
}

module "extremes_refused_13" {
  source = "../../../"

  allow_anonymous = true
  functions       = { push = { runtime = "" } } # refused: runtime in functions must be "python3.11"
}
