variable "name" {
  description = "Value of the dimension Name of the functions' metrics."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the functions."
  type        = string
  nullable    = false
}

variable "dns_suffix" {
  description = "Last part of AWS host names in the partition, such as amazonaws.com."
  type        = string
  nullable    = false
}

variable "function_names" {
  description = "Names of the functions: connect, disconnect, poll, push, with control control, with inbox mark, with topics fanout and subscriptions, and with jwt verify_jwt."
  type        = map(string)
  nullable    = false
}

variable "function_arns" {
  description = "ARNs of the functions by the same keys, for policies that must name a function before it exists."
  type        = map(string)
  nullable    = false
}

variable "log_group_names" {
  description = "Names of the functions' log groups by the same keys."
  type        = map(string)
  nullable    = false
}

variable "alias_name" {
  description = "Name of the alias of a function with provisioned concurrency."
  type        = string
  nullable    = false
}

variable "jwt" {
  description = "Which tokens are valid, as in the root module; null without verify_jwt."
  type = object({
    issuer                  = optional(string)
    audience                = list(string)
    jwks_uri                = optional(string)
    secret_arn              = optional(string)
    secret_kms_key_arn      = optional(string)
    algorithms              = optional(list(string))
    user_id_claim           = string
    topics_claim            = optional(string)
    token_use               = optional(string)
    typ                     = optional(string)
    leeway                  = number
    jwks_cache_seconds      = number
    allow_insecure_loopback = bool
    additional_issuers = list(object({
      issuer             = string
      audience           = list(string)
      jwks_uri           = optional(string)
      secret_arn         = optional(string)
      secret_kms_key_arn = optional(string)
      algorithms         = optional(list(string))
      user_id_claim      = string
      topics_claim       = optional(string)
      token_use          = optional(string)
      typ                = optional(string)
    }))
  })
  default = null
}

variable "control" {
  description = "How long, in seconds, a revocation is kept; null without the control function."
  type = object({
    revocation_ttl = number
  })
  default = null
}

variable "limits" {
  description = "Limits for each user and connection, as in the root module, which also checks them; null for none."
  type = object({
    connections_per_user = optional(number)
    on_excess            = optional(string)
    messages_per_second  = optional(number)
    burst                = optional(number)
  })
  default = null
}

variable "events" {
  description = "Events on a bus, as in the root module, which also checks it; null for none."
  type = object({
    event_bus_arn   = string
    offline_after   = number
    include_content = bool
  })
  default = null
}

variable "inbox" {
  description = "How long, in seconds, the state of a user's inbox is kept after the last change; null without inboxes."
  type = object({
    state_ttl = number
  })
  default = null
}

variable "queues" {
  description = <<-EOT
    Queues that the push, control and fanout functions use:
    - `dead_letter_queue_arn`: queue of failed asynchronous invocations.
    - `push_queue_arn`: queue of push requests; null without one.
    - `control_queue_arn` and `control_queue_url`: queue of work that the control function repeats; null without one.
    - `fanout_queue_arn` and `fanout_queue_url`: queue of segments; null without topics.
    - `events_queue_arn` and `events_queue_url`: queue of what the events function is to report, and `events_dead_letter_queue_arn`: queue
      of what it could not; null without events.
    - `kms_key_arn`: key that encrypts them; null for keys of SQS.
  EOT
  type = object({
    dead_letter_queue_arn        = string
    push_queue_arn               = optional(string)
    control_queue_arn            = optional(string)
    control_queue_url            = optional(string)
    fanout_queue_arn             = optional(string)
    fanout_queue_url             = optional(string)
    events_queue_arn             = optional(string)
    events_queue_url             = optional(string)
    events_dead_letter_queue_arn = optional(string)
    kms_key_arn                  = optional(string)
  })
  nullable = false
}

variable "tables" {
  description = "Names and ARNs of the DynamoDB tables, of the index and of the stream, and the customer managed KMS key that encrypts the tables; null without one."
  type = object({
    clients_table_name       = string
    clients_table_arn        = string
    clients_index_name       = string
    clients_index_arn        = string
    clients_stream_arn       = optional(string)
    notifications_table_name = string
    notifications_table_arn  = string
    subscriptions_table_name = optional(string)
    subscriptions_table_arn  = optional(string)
    kms_key_arn              = optional(string)
  })
  nullable = false
}

variable "api" {
  description = "The WebSocket API whose connections the push function posts to. `stage_name` and `connections_url` are derived from the stage's name, because the stage itself depends on these functions. `posts_by_domain` says that `connections_url` is at the caller's own domain, so that it does not depend on the API."
  type = object({
    execution_arn   = string
    stage_name      = string
    connections_url = string
    posts_by_domain = optional(bool, false)
  })
  nullable = false
}

variable "allowed_origins" {
  description = "Origins whose pages may connect, and \"self\" for the API's own host; empty: origins are not checked."
  type        = list(string)
  nullable    = false
}

variable "allow_anonymous" {
  description = "Whether connections without authorization are accepted, each as the user that its query string names."
  type        = bool
  nullable    = false
}

variable "client_push" {
  description = "Who a client may push to: \"none\", \"self\" or \"any\"."
  type        = string
  nullable    = false
}

variable "persist_by_default" {
  description = "Whether a notification is persisted if its push request does not say."
  type        = bool
  nullable    = false
}

variable "notification_ttl" {
  description = "Seconds for which a notification is kept if its push request does not say."
  type        = number
  nullable    = false
}

variable "keepalive" {
  description = "What clients send to keep their connections open (`action`: \"poll\" or \"ping\"), and at most how many `seconds` apart."
  type = object({
    action  = string
    seconds = optional(number)
  })
  nullable = false
}

variable "max_frame_kb" {
  description = "Largest message to a client in KB; larger notifications are refused, and history pages are cut to fit."
  type        = number
  nullable    = false
}

variable "topics" {
  description = "Topics, as in the root module, which also checks it; null without them."
  type = object({
    max_per_connection    = number
    immediate_connections = number
    broadcast_rate        = number
    workers               = number
  })
  default = null
}

variable "functions" {
  description = "Settings by function: connect, disconnect, poll, push, control, mark, fanout, subscriptions, events or verify_jwt. What is left out keeps its default."
  type = map(object({
    memory_size             = optional(number)
    timeout                 = optional(number)
    reserved_concurrency    = optional(number)
    provisioned_concurrency = optional(number)
    architecture            = optional(string)
    runtime                 = optional(string)
    environment             = optional(map(string))
  }))
  nullable = false
}

variable "packages" {
  description = "Packages that were built elsewhere, by function, as in the root module. The others are built."
  type = map(object({
    filename          = optional(string)
    s3_bucket         = optional(string)
    s3_key            = optional(string)
    s3_object_version = optional(string)
    source_code_hash  = optional(string)
  }))
  nullable = false
}

variable "packages_folder" {
  description = "Folder with the packages of a release; null to build what packages does not name."
  type        = string
  default     = null
}

variable "deployed_packages" {
  description = "Packages that the functions had when the last apply was complete, as modules/dynamodb returns them."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "Days for which CloudWatch keeps the functions' logs; 0 keeps them indefinitely."
  type        = number
  nullable    = false
}

variable "log_level" {
  description = "Lowest level that is logged."
  type        = string
  nullable    = false
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the functions' metrics; \"\" for no metrics."
  type        = string
  nullable    = false
}

variable "tracing" {
  description = "Whether X-Ray traces the functions."
  type        = bool
  nullable    = false
}

variable "logs_key_arn" {
  description = "ARN of the KMS key that encrypts the log groups. Null: CloudWatch Logs encrypts them with its own key."
  type        = string
  default     = null
}

variable "vpc" {
  description = "Subnets and security groups of the functions, as in the root module; null for functions outside your VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "iam_roles" {
  description = "Path and permissions boundary of the functions' roles."
  type = object({
    path                     = string
    permissions_boundary_arn = optional(string)
  })
  nullable = false
}

variable "tags" {
  description = "Tags for the functions, their roles and log groups. A tag called Name replaces the default one."
  type        = map(string)
  nullable    = false
}
