variable "name" {
  description = "Prefix of every resource name. It must be unique in the account and Region, and must not be another instance's name followed by -authorizer, -events, -fanout, -push or -push-queue (docs/operations.md). A plan that changes it is refused, because it would replace the tables."
  type        = string
  default     = "websocket-push"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,46}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 48 lower case letters, digits and hyphens, begin with a letter and not end with a hyphen, such as \"websocket-push\"."
  }
}

variable "tags" {
  description = "Tags for every resource that supports tags, at most 48. A tag called Name replaces the default, which is the resource's name."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for key, value in var.tags : can(regex("^.{1,128}$", key)) && !startswith(lower(key), "aws:") && length(coalesce(value, " ")) <= 256 && value != null
    ])
    error_message = "A tag's key must have 1 to 128 characters and not begin with \"aws:\", which AWS reserves; its value must be a string of at most 256 characters (\"\" for none)."
  }

  validation {
    condition     = length(var.tags) <= 48
    error_message = "tags must have at most 48 entries: AWS allows 50 on a resource, and this module adds Name and, on one table, another."
  }

  validation {
    condition = alltrue([
      for text in concat(keys(var.tags), compact(values(var.tags))) : can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]+$", text))
    ])
    error_message = "Keys and values in tags may contain only letters, digits, spaces and _ . : / = + - @: IAM refuses everything else."
  }

  # IAM treats keys that differ only in case as one, and would refuse the roles when half of the resources exist.
  validation {
    condition     = length(distinct([for key in setunion(keys(var.tags), ["Name"]) : lower(key)])) == length(setunion(keys(var.tags), ["Name"]))
    error_message = "tags has keys that differ only in case, such as \"name\" beside the module's own \"Name\", and IAM treats them as one. Keep one; to give the resources another name tag, write \"Name\"."
  }

  validation {
    condition = length(distinct([
      for key in setunion(keys(data.aws_default_tags.current.tags), keys(var.tags), ["Name"]) : lower(key)
    ])) == length(setunion(keys(data.aws_default_tags.current.tags), keys(var.tags), ["Name"]))
    error_message = "default_tags of the provider has a key that differs only in case from one in tags, or from the module's own \"Name\", and IAM treats them as one. Write the key the same way in both."
  }

  validation {
    condition     = length(setunion(keys(data.aws_default_tags.current.tags), keys(var.tags), ["Name", "websocket-push:deployed"])) <= 50
    error_message = "tags, the provider's default_tags and the module's own two tags are together more than the 50 that AWS allows on a resource: leave some out."
  }

  validation {
    condition = !contains(
      [for key in setunion(keys(data.aws_default_tags.current.tags), keys(var.tags)) : lower(key)], "websocket-push:deployed"
    )
    error_message = "tags or the provider's default_tags have \"websocket-push:deployed\", the module's own tag on a table, which records the deployed packages. Give yours another key."
  }

  validation {
    condition = alltrue([
      for key, value in data.aws_default_tags.current.tags : (
        can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{1,128}$", key)) && !startswith(lower(key), "aws:") &&
        can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{0,256}$", value))
      ) if !contains(keys(var.tags), key)
    ])
    error_message = "default_tags of the provider has a tag that IAM refuses: a key has 1 to 128 and a value at most 256 letters, digits, spaces and _ . : / = + - @, and no key begins with \"aws:\". Change it there."
  }
}

variable "jwt" {
  description = <<-EOT
    Authorize connections by JSON Web Token:
    - `issuer`: the value that the claim iss must have; any if left out.
    - `audience`: values to accept in the claim aud or, in a token without aud, in client_id (Cognito's access tokens);
      any if empty.
    - `jwks_uri`: URL of the issuer's key set. Either this or `secret_arn` is required.
    - `secret_arn`: ARN of the Secrets Manager secret or SSM SecureString parameter that holds a shared secret, in any Region.
    - `secret_kms_key_arn`: ARN of the customer managed key that encrypts the secret.
    - `algorithms`: algorithms to accept; RS256 with `jwks_uri` and HS256 with `secret_arn` if left out.
    - `user_id_claim`: the claim that holds the user's id.
    - `topics_claim`: the claim that lists the topics that the client may listen to: names, and prefixes that end in /*,
      as a list or as one space-separated string. Only with `topics`.
    - `token_use`, `typ`: values that the claim token_use and the header typ must have, to accept only one kind of
      token.
    - `leeway`: clock skew to tolerate, in seconds; at least 5 for nbf and iat.
    - `jwks_cache_seconds`: how long fetched keys are used, in seconds.
    - `allow_insecure_loopback`: accept an http `jwks_uri` on the loopback interface of the machine that runs the
      functions, for trials.
    - `additional_issuers`: further issuers, such as the next one while clients migrate, each with the members above
      from `issuer` to `typ`. An issuer's keys verify only its own tokens, but the same user id is the same user for
      every issuer.
  EOT
  type = object({
    issuer                  = optional(string)
    audience                = optional(list(string), [])
    jwks_uri                = optional(string)
    secret_arn              = optional(string)
    secret_kms_key_arn      = optional(string)
    algorithms              = optional(list(string))
    user_id_claim           = optional(string, "sub")
    topics_claim            = optional(string)
    token_use               = optional(string)
    typ                     = optional(string)
    leeway                  = optional(number, 0)
    jwks_cache_seconds      = optional(number, 300)
    allow_insecure_loopback = optional(bool, false)
    additional_issuers = optional(list(object({
      issuer             = string
      audience           = optional(list(string), [])
      jwks_uri           = optional(string)
      secret_arn         = optional(string)
      secret_kms_key_arn = optional(string)
      algorithms         = optional(list(string))
      user_id_claim      = optional(string, "sub")
      topics_claim       = optional(string)
      token_use          = optional(string)
      typ                = optional(string)
    })), [])
  })
  default = null

  validation {
    condition = alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) : try((issuer.jwks_uri == null) != (issuer.secret_arn == null), false)
    ])
    error_message = "jwt needs exactly one source of keys: write jwks_uri = \"https://issuer.example/.well-known/jwks.json\" for an issuer that publishes them, or secret_arn = the ARN of the Secrets Manager secret or SSM parameter that holds a shared secret."
  }

  # What the function accepts: no user name, no fragment, and http for loopback only.
  validation {
    condition = alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) : (
        try(issuer.jwks_uri, null) == null ? true
        : can(regex("^https://([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+\\])(:[1-9][0-9]{0,4})?([/?][!-\"$-~]*)?$", issuer.jwks_uri)) || (
          var.jwt.allow_insecure_loopback &&
          can(regex("^http://(localhost|127(\\.[0-9]{1,3}){3}|\\[::1\\])(:[1-9][0-9]{0,4})?([/?][!-\"$-~]*)?$", issuer.jwks_uri))
        )
      )
    ])
    error_message = "jwt.jwks_uri must be an https URL without user name or fragment, such as \"https://issuer.example/.well-known/jwks.json\". For a trial with an issuer on the machine that runs the functions, \"http://127.0.0.1:8080/jwks.json\" is accepted with allow_insecure_loopback = true."
  }

  # The ARNs become the resources of an IAM policy, so nothing in them may be a pattern, and a secret's must be whole.
  validation {
    condition = alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) : (
        try(issuer.secret_arn, null) == null ? true
        : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$", issuer.secret_arn)) ||
        can(regex("^arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter/[A-Za-z0-9/_.-]+$", issuer.secret_arn))
      )
    ])
    error_message = "jwt.secret_arn must be the ARN of a Secrets Manager secret, with the six characters that AWS puts at its end, such as \"arn:aws:secretsmanager:eu-central-1:123456789012:secret:push-jwt-a1B2c3\", or of an SSM parameter, such as \"arn:aws:ssm:eu-central-1:123456789012:parameter/push/jwt\". The secret itself is not an input, because it would end up in the state."
  }

  validation {
    condition = alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) : (
        try(issuer.secret_kms_key_arn, null) == null ? true
        : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", issuer.secret_kms_key_arn))
      )
    ])
    error_message = "jwt.secret_kms_key_arn must be the ARN of a key, such as \"arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab\": IAM does not look through an alias."
  }

  validation {
    condition = alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) : try(issuer.secret_kms_key_arn, null) == null ? true : issuer.secret_arn != null
    ])
    error_message = "jwt.secret_kms_key_arn goes with secret_arn: the keys of a jwks_uri are public, so nothing is decrypted. Leave it out."
  }

  validation {
    condition = alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) :
      try(split(":", issuer.secret_kms_key_arn)[3] == split(":", issuer.secret_arn)[3], true)
    ])
    error_message = "jwt.secret_kms_key_arn is in another Region than secret_arn: Secrets Manager and Parameter Store use only keys in their own Region. Name the key that encrypts this secret."
  }

  # Partitions are isolated: accounts, roles and keys of one mean nothing in another.
  validation {
    condition = alltrue(flatten([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) : [
        for arn in [try(issuer.secret_arn, null), try(issuer.secret_kms_key_arn, null)] :
        try(regex("^arn:([^:]+):", arn)[0] == local.provider_partition, true)
      ]
    ]))
    error_message = "An ARN in jwt is in another partition than the provider's, ${local.provider_partition}: a function reads only secrets in its own partition. Keep the secret and its key in ${local.provider_partition}, in any Region."
  }

  validation {
    condition = alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) : (
        try(issuer.algorithms, null) == null ? true
        : length(issuer.algorithms) > 0 && length(setsubtract(
          issuer.algorithms,
          issuer.secret_arn != null ? ["HS256", "HS384", "HS512"] : [
            "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
          ],
        )) == 0
      )
    ])
    error_message = "jwt.algorithms must name at least one algorithm, and only those that fit the keys: with jwks_uri RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA; with secret_arn HS256, HS384 and HS512. \"none\" is never accepted. Leave algorithms out for RS256 or HS256."
  }

  validation {
    condition = alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) : (
        try(issuer.issuer, null) == null ? true : issuer.issuer != "" && trimspace(issuer.issuer) == issuer.issuer
      )
    ])
    error_message = "jwt.issuer must equal the tokens' iss claim, character for character, without a space or line break at either end, such as \"https://issuer.example/\". Leave it out to accept any issuer that signs with these keys."
  }

  validation {
    condition = alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) : try(alltrue([for audience in issuer.audience : audience != "" && trimspace(audience) == audience]), false)
    ])
    error_message = "jwt.audience must list non-empty strings without a space or line break at either end, such as [\"https://push.example\"] or a client id: a token's aud (or, where it has none, its client_id) must name one of them. Leave it out to accept tokens for any audience."
  }

  validation {
    condition = alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) : try(issuer.user_id_claim != "" && trimspace(issuer.user_id_claim) == issuer.user_id_claim, false)
    ])
    error_message = "jwt.user_id_claim must be the name of the claim that says who the user is, without spaces before or after it, such as \"sub\" (the default) or \"email\"."
  }

  validation {
    condition = alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) : try(issuer.topics_claim, null) == null ? true : issuer.topics_claim != "" && trimspace(issuer.topics_claim) == issuer.topics_claim
    ])
    error_message = "jwt.topics_claim must be the name of the claim that lists the topics that the client may listen to, without spaces before or after it, such as \"topics\" or \"scope\". Leave it out for an issuer whose clients listen only to broadcasts."
  }

  validation {
    condition = var.topics != null ? true : alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) : try(issuer.topics_claim, null) == null
    ])
    error_message = "jwt.topics_claim says which topics a client may listen to, but there are none: write topics = {} beside it, or leave it out."
  }

  validation {
    condition = alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) : try(issuer.token_use, null) == null ? true : contains(["access", "id"], issuer.token_use)
    ])
    error_message = "jwt.token_use must be \"access\" or \"id\", the values of the claim token_use in Cognito's tokens. Leave it out for tokens without this claim."
  }

  validation {
    condition = alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) : (
        try(issuer.typ, null) == null ? true
        : can(regex("^(application/)?[A-Za-z0-9!#$&^_.+-]{1,100}$", issuer.typ)) && !can(regex("(?i)^(application/)?(logout|secevent)\\+jwt$", issuer.typ))
      )
    ])
    error_message = "jwt.typ must be the typ in the header of the issuer's login tokens, such as \"at+jwt\" for access tokens by RFC 9068, with or without \"application/\"; logout+jwt and secevent+jwt are never logins. Leave it out to accept JWT, at+jwt, and tokens without typ."
  }

  # The issuer that a token names decides whose keys verify it.
  validation {
    condition = length(try(var.jwt.additional_issuers, [])) == 0 ? true : try(
      alltrue([for issuer in concat([var.jwt.issuer], [for each in var.jwt.additional_issuers : each.issuer]) : issuer != null && issuer != ""]) &&
      length(distinct(concat([var.jwt.issuer], [for each in var.jwt.additional_issuers : each.issuer]))) == length(var.jwt.additional_issuers) + 1,
      false
    )
    error_message = "jwt.additional_issuers needs jwt.issuer, and an issuer in each entry that no other has, such as \"https://issuer.example/v2.0\": a token's iss claim decides whose keys verify it."
  }

  validation {
    condition     = var.jwt == null ? true : try(var.jwt.leeway >= 0 && var.jwt.leeway <= 300 && floor(var.jwt.leeway) == var.jwt.leeway, false)
    error_message = "jwt.leeway must be a whole number of seconds from 0 to 300, such as 30. It also applies to exp; nbf and iat may always be 5 seconds ahead."
  }

  validation {
    condition = var.jwt == null ? true : try(
      var.jwt.jwks_cache_seconds >= 1 && var.jwt.jwks_cache_seconds <= 86400 && floor(var.jwt.jwks_cache_seconds) == var.jwt.jwks_cache_seconds, false
    )
    error_message = "jwt.jwks_cache_seconds must be a whole number of seconds from 1 to 86400 (a day), such as 300. A key that the issuer adds is found at once in any case; one that it withdraws stays trusted for that long."
  }

  # It is one environment variable of the function, and Lambda allows 4 KB for all of them.
  validation {
    condition     = try(length(jsonencode(var.jwt)), 0) <= 3000
    error_message = "jwt must have at most 3000 characters as JSON, because a Lambda function's variables share 4 KB: shorten audience or additional_issuers."
  }

  validation {
    condition = alltrue([
      for issuer in flatten([for jwt in [var.jwt] : [jwt, jwt.additional_issuers] if jwt != null]) :
      try(tonumber(regex("^https?://(?:[^/?\\[]*|\\[[^]]*\\]):([0-9]+)(?:[/?]|$)", issuer.jwks_uri)[0]) <= 65535, true)
    ])
    error_message = "The port in jwt.jwks_uri must be from 1 to 65535."
  }
}

variable "authorizer" {
  description = <<-EOT
    Authorize connections by a Lambda function of your own, in the account and Region of the API:
    - `function_name`: its name, without ARN, version or alias.
    - `function_arn`: its ARN, without version or alias.

    The module permits API Gateway to invoke it for every connection, with the event of a REQUEST authorizer. It returns
    an IAM policy that allows or denies execute-api:Invoke on the event's methodArn, with the context `userId` (string,
    required), `expiresAt` (seconds since the epoch as digits, optional) and, with `topics`, `topics` (what the client
    may listen to: names, and prefixes that end in /*, as one space-separated string, optional).
  EOT
  type = object({
    function_name = string
    function_arn  = string
  })
  default = null

  validation {
    condition     = var.authorizer == null ? true : can(regex("^[A-Za-z0-9_-]{1,64}$", var.authorizer.function_name))
    error_message = "authorizer.function_name must be the function's name alone, without ARN, version or alias, such as \"my-authorizer\"."
  }

  validation {
    condition = var.authorizer == null ? true : (
      can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}$", var.authorizer.function_arn)) &&
      try(endswith(var.authorizer.function_arn, ":function:${var.authorizer.function_name}"), false)
    )
    error_message = "authorizer.function_arn must be the ARN of the function that function_name names, without version or alias, such as aws_lambda_function.my_authorizer.arn."
  }

  validation {
    condition     = try(join(":", regex("^arn:([^:]+):lambda:([^:]+):", var.authorizer.function_arn)) == local.provider_place, true)
    error_message = "authorizer.function_arn is in another Region or partition than the API: API Gateway invokes only functions in its own Region. Deploy the function in the provider's Region, ${local.provider_region} (${local.provider_partition})."
  }
}

variable "allow_anonymous" {
  description = "Accept clients without authentication, each as the user named in its ?userId=. For trials only: anyone who knows the URL can then read and push as any user."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = length([for chosen in [var.jwt != null, var.authorizer != null, var.allow_anonymous] : chosen if chosen]) == 1
    error_message = <<-EOT
      Say who may connect, in exactly one of three ways:
        jwt = { issuer = "https://issuer.example", jwks_uri = "https://issuer.example/.well-known/jwks.json" }
          verifies tokens, with an issuer's published keys or, by secret_arn, with a shared secret;
        authorizer = { function_name = "my-authorizer", function_arn = aws_lambda_function.my_authorizer.arn }
          asks your own Lambda function;
        allow_anonymous = true
          lets any client that knows the URL connect as any user: for trials without real users' data only.
    EOT
  }
}

variable "allowed_origins" {
  description = "Origins whose pages may connect, as browsers send them, such as [\"https://app.example.com\", \"http://localhost:3000\"], and \"self\" for the API's own host, which some libraries for native clients send. Empty: origins are not checked. This stops pages of other sites from using a visitor's browser; programs can send any origin."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for origin in var.allowed_origins : origin == "self" || can(regex("^[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\\[[0-9a-f:]+\\])(:[1-9][0-9]{0,4})?$", origin))
    ])
    error_message = "allowed_origins must list origins as browsers send them: scheme, host and, unless it is the scheme's default, port, in lower case, such as \"https://app.example.com\" or \"http://localhost:3000\". No path, no slash at the end, no wildcard, not \"null\": name each origin. \"self\" is the API's own host."
  }

  # A browser leaves out the scheme's default port, so an origin that names it would never match.
  validation {
    condition     = alltrue([for origin in var.allowed_origins : !can(regex("^(https://.*:443|http://.*:80)$", origin))])
    error_message = "An origin in allowed_origins names the default port of its scheme, which browsers leave out: write \"https://app.example.com\", not \"https://app.example.com:443\"."
  }

  # It is one environment variable of the function, and Lambda allows 4 KB for all of them.
  validation {
    condition     = try(length(jsonencode(var.allowed_origins)), 0) <= 3000
    error_message = "allowed_origins must have at most 3000 characters as JSON, because a Lambda function's variables share 4 KB: list fewer origins."
  }

  validation {
    condition     = alltrue([for origin in var.allowed_origins : try(tonumber(regex(":([0-9]+)$", origin)[0]) <= 65535, true)])
    error_message = "A port in allowed_origins must be from 1 to 65535, such as \"http://localhost:3000\": no browser sends another."
  }
}

variable "client_push" {
  description = "Who a client may push to over its WebSocket: \"none\" (the default: clients cannot push), \"self\" (its own user) or \"any\" (every user). Backends use the push function and are not affected. Must be known when planning."
  type        = string
  default     = "none"
  nullable    = false

  validation {
    condition     = contains(["none", "self", "any"], var.client_push)
    error_message = "client_push must be \"none\" (clients cannot push), \"self\" (a client may push to its own user) or \"any\" (to every user)."
  }
}

variable "persist_by_default" {
  description = "Whether a notification whose push request does not say is stored for clients that are offline."
  type        = bool
  default     = true
  nullable    = false
}

variable "notification_ttl" {
  description = "Seconds for which a notification is kept unless its push request says otherwise: from a minute to 365 days, by default a week."
  type        = number
  default     = 604800
  nullable    = false

  validation {
    condition     = var.notification_ttl >= 60 && var.notification_ttl <= 31536000 && floor(var.notification_ttl) == var.notification_ttl
    error_message = "notification_ttl must be a whole number of seconds from 60 (a minute) to 31536000 (365 days), such as 604800 for a week."
  }
}

variable "keepalive" {
  description = <<-EOT
    What clients send to keep their connections open ([cost](docs/cost.md)):
    - `action`: `"poll"`, which also delivers missed notifications within five minutes, or `"ping"`, which costs less
      but leaves them undelivered until the client reconnects.
    - `seconds`: the longest interval, in seconds; 240 for poll and 300 for ping if left out.
  EOT
  type = object({
    action  = optional(string, "poll")
    seconds = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["poll", "ping"], var.keepalive.action)
    error_message = "keepalive.action must be \"poll\" or \"ping\"."
  }

  validation {
    condition = var.keepalive.seconds == null ? true : (
      var.keepalive.seconds >= 30 && var.keepalive.seconds <= (var.keepalive.action == "ping" ? 540 : 240) &&
      floor(var.keepalive.seconds) == var.keepalive.seconds
    )
    error_message = "keepalive.seconds must be a whole number of seconds from 30 to 240 with action \"poll\" (so that no notification is more than five minutes late), and from 30 to 540 with \"ping\" (API Gateway ends a connection that is idle for 600)."
  }
}

variable "max_frame_kb" {
  description = "Largest message to a client in KB, from 32 (default) to 128: larger notifications are refused (CONTENT_TOO_LARGE), and history pages are cut to fit. API Gateway's quotas are 32 KB for a frame and 128 KB for a message: before you raise it, test whether such messages reach your clients. API Gateway bills every 32 KB as a message."
  type        = number
  default     = 32
  nullable    = false

  validation {
    condition     = var.max_frame_kb >= 32 && var.max_frame_kb <= 128 && floor(var.max_frame_kb) == var.max_frame_kb
    error_message = "max_frame_kb must be a whole number of KB from 32 to 128, API Gateway's limit for a message."
  }
}

variable "async_invocation" {
  description = <<-EOT
    Retries of failed asynchronous invocations of the push function. Once they are exhausted, the request is moved to
    the queue at `dead_letter_queue_url`, with the reason.
    - `maximum_event_age`: seconds after which Lambda gives up.
    - `maximum_retry_attempts`: how many more times Lambda tries, 0 to 2.
  EOT
  type = object({
    maximum_event_age      = optional(number, 21600)
    maximum_retry_attempts = optional(number, 2)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.async_invocation.maximum_event_age >= 60 && var.async_invocation.maximum_event_age <= 21600 && floor(var.async_invocation.maximum_event_age) == var.async_invocation.maximum_event_age
    error_message = "async_invocation.maximum_event_age must be a whole number of seconds from 60 (a minute) to 21600 (6 hours)."
  }

  validation {
    condition     = contains([0, 1, 2], var.async_invocation.maximum_retry_attempts)
    error_message = "async_invocation.maximum_retry_attempts must be 0, 1 or 2: Lambda tries an asynchronous invocation three times at most."
  }
}

variable "push_queue" {
  description = <<-EOT
    An SQS queue for push requests, for backends that send bursts and do not wait; `{}` for one with the defaults:
    - `batch_size`: maximum number of messages in one invocation of the push function.
    - `maximum_batching_window`: seconds that Lambda waits to fill a batch.
    - `maximum_concurrency`: maximum number of invocations at the same time.
    - `max_receive_count`: how many times a message is tried before it is moved to the dead-letter queue.
    - `source_arns`: SNS topics and EventBridge rules that may send, besides roles with `push_queue_send_policy_json`. Rules must
      be in the module's Region; topics may be in another if both Regions are enabled by default.
  EOT
  type = object({
    batch_size              = optional(number, 10)
    maximum_batching_window = optional(number, 0)
    maximum_concurrency     = optional(number, 10)
    max_receive_count       = optional(number, 5)
    source_arns             = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.push_queue == null ? true : var.push_queue.batch_size >= 1 && var.push_queue.batch_size <= 1000 && floor(var.push_queue.batch_size) == var.push_queue.batch_size
    error_message = "push_queue.batch_size must be a whole number from 1 to 1000: all messages of a batch share the push function's timeout."
  }

  validation {
    condition     = var.push_queue == null ? true : var.push_queue.maximum_batching_window >= 0 && var.push_queue.maximum_batching_window <= 300 && floor(var.push_queue.maximum_batching_window) == var.push_queue.maximum_batching_window
    error_message = "push_queue.maximum_batching_window must be a whole number of seconds from 0 (messages do not wait for one another) to 300."
  }

  validation {
    condition     = var.push_queue == null ? true : var.push_queue.batch_size <= 10 || var.push_queue.maximum_batching_window >= 1
    error_message = "push_queue.batch_size above 10 needs a push_queue.maximum_batching_window of at least 1 second: Lambda gathers no larger batch without waiting for it."
  }

  validation {
    condition     = var.push_queue == null ? true : var.push_queue.maximum_concurrency >= 2 && var.push_queue.maximum_concurrency <= 1000 && floor(var.push_queue.maximum_concurrency) == var.push_queue.maximum_concurrency
    error_message = "push_queue.maximum_concurrency must be a whole number from 2 to 1000, which is what Lambda accepts."
  }

  # Lambda receives messages that it then has no concurrency for, and each receive counts. 0 stops the function on
  # purpose.
  validation {
    condition = var.push_queue == null || try(var.functions["push"].reserved_concurrency == 0, false) ? true : (
      coalesce(try(var.functions["push"].reserved_concurrency, null), 1000) >= var.push_queue.maximum_concurrency
    )
    error_message = "push_queue.maximum_concurrency must not be above functions.push.reserved_concurrency: messages would be throttled until they are moved to the dead-letter queue. Reserve more, or set it lower."
  }

  validation {
    condition     = var.push_queue == null ? true : var.push_queue.max_receive_count >= 1 && var.push_queue.max_receive_count <= 50 && floor(var.push_queue.max_receive_count) == var.push_queue.max_receive_count
    error_message = "push_queue.max_receive_count must be a whole number from 1 to 50; AWS advises at least 5 for a queue that feeds a function, so that throttling alone dead-letters nothing."
  }

  # They become conditions of the queue's policy, so nothing in them may be a pattern.
  validation {
    condition = var.push_queue == null ? true : alltrue([
      for arn in var.push_queue.source_arns : can(regex("^arn:aws[a-z-]*:(sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+(\\.fifo)?|events:[a-z0-9-]+:[0-9]{12}:rule/[A-Za-z0-9._/-]+)$", arn))
    ])
    error_message = "push_queue.source_arns must list ARNs of SNS topics or EventBridge rules, such as aws_sns_topic.orders.arn or aws_cloudwatch_event_rule.orders.arn. A backend's role needs no entry: give it the policy in push_queue_send_policy_json."
  }

  # A topic may send to a queue in another Region, a rule may not.
  validation {
    condition = alltrue([
      for arn in try(var.push_queue.source_arns, []) : try(join(":", regex("^arn:([^:]+):events:([^:]+):", arn)) == local.provider_place, true)
    ])
    error_message = "push_queue.source_arns has an EventBridge rule in another Region or partition: a rule sends only to queues in its own Region. Name a rule in the provider's Region, ${local.provider_region} (${local.provider_partition})."
  }

  # SQS takes 8,192 bytes (SQS developer guide, "Amazon SQS policy quotas"), of which the rest of the policy needs less
  # than 1,192.
  validation {
    condition     = try(length(jsonencode(var.push_queue.source_arns)), 0) <= 7000
    error_message = "push_queue.source_arns must have at most 7000 characters as JSON, because SQS accepts no larger policy: let fewer topics and rules send, such as one topic that all publish to."
  }

  validation {
    condition = alltrue([
      for topic in [for arn in try(var.push_queue.source_arns, []) : regex("^arn:([^:]+):sns:([^:]+):", arn) if can(regex("^arn:[^:]+:sns:[^:]+:", arn))] :
      topic[0] == local.provider_partition &&
      (topic[1] == local.provider_region || length(setsubtract([topic[1], local.provider_region], local.regions_by_default)) == 0)
    ])
    error_message = "push_queue.source_arns has an SNS topic that cannot send to the queue: one in another partition, or in another Region where the topic's Region or the queue's is not enabled by default. SNS then sends under another name, which the queue's policy does not allow. Name a topic in the provider's Region, ${local.provider_region}."
  }
}

variable "control" {
  description = <<-EOT
    A function that lets a backend see who is connected, disconnect users and revoke tokens; `{}` for one with the
    defaults, null (the default) for none. With it, every connection and every message costs a read of the user's
    revocation.
    - `revocation_ttl`: seconds for which a revocation is kept, from a minute to 365 days and at least the longest
      lifetime of a token; a day if left out.
  EOT
  type = object({
    revocation_ttl = optional(number, 86400)
  })
  default = null

  validation {
    condition = var.control == null ? true : try(
      var.control.revocation_ttl >= 60 && var.control.revocation_ttl <= 31536000 && floor(var.control.revocation_ttl) == var.control.revocation_ttl, false,
    )
    error_message = "control.revocation_ttl must be a whole number of seconds from 60 to 31536000 (365 days), such as 86400. It must not be shorter than a token's lifetime: a revoked token that outlives its revocation is accepted again."
  }
}

variable "limits" {
  description = <<-EOT
    Limits for each user and connection, in addition to `throttling`; null (the default) for none ([how they
    work](docs/limits.md#what-one-user-may-use)).
    - `connections_per_user`: connections that a user may have open, 1 to 1,000; without it, any number.
    - `on_excess`: what happens when a user opens one more: `"refuse"` it, or `"close_oldest"` of the user's
      connections, whose client does not reconnect.
    - `messages_per_second`: messages that a connection may send, for each of poll, push, topics and marks, 1 to 1,000;
      without it, any number.
    - `burst`: messages that it may send at once, 1 to 10,000; 20, or `messages_per_second` if that is more.
  EOT
  type = object({
    connections_per_user = optional(number)
    on_excess            = optional(string, "refuse")
    messages_per_second  = optional(number)
    burst                = optional(number)
  })
  default = null

  validation {
    condition = try(var.limits.connections_per_user, null) == null || try(
      var.limits.connections_per_user >= 1 && var.limits.connections_per_user <= 1000 && floor(var.limits.connections_per_user) == var.limits.connections_per_user, false,
    )
    error_message = "limits.connections_per_user must be a whole number from 1 to 1000, such as 10. Leave it out for any number."
  }

  validation {
    condition     = try(var.limits.on_excess, null) == null ? true : contains(["refuse", "close_oldest"], var.limits.on_excess)
    error_message = "limits.on_excess must be \"refuse\" or \"close_oldest\"."
  }

  validation {
    condition     = try(var.limits.on_excess != "close_oldest" || var.limits.connections_per_user != null, true)
    error_message = "limits.on_excess = \"close_oldest\" needs limits.connections_per_user: set it, such as 10, or leave on_excess out."
  }

  validation {
    condition = try(var.limits.messages_per_second, null) == null || try(
      var.limits.messages_per_second >= 1 && var.limits.messages_per_second <= 1000 && floor(var.limits.messages_per_second) == var.limits.messages_per_second, false,
    )
    error_message = "limits.messages_per_second must be a whole number from 1 to 1000, such as 10; leave it out for any number."
  }

  validation {
    condition = try(var.limits.burst, null) == null || try(
      var.limits.burst >= 1 && var.limits.burst <= 10000 && floor(var.limits.burst) == var.limits.burst, false,
    )
    error_message = "limits.burst must be a whole number from 1 to 10000, such as 20."
  }

  validation {
    condition     = try(var.limits.burst == null || var.limits.messages_per_second != null, true)
    error_message = "limits.burst needs limits.messages_per_second: set it, such as 10, or leave burst out."
  }

  validation {
    condition     = try(var.limits == null || var.limits.connections_per_user != null || var.limits.messages_per_second != null, true)
    error_message = "limits sets no limit: set limits.connections_per_user or limits.messages_per_second, or leave limits out."
  }
}

variable "inbox" {
  description = <<-EOT
    What a user has seen and read, synchronized across devices, with a count of unread notifications, and pushes that
    replace or recall an earlier one; `{}` for the defaults, null (the default) for none. With it, every poll also reads
    the state and the count.

    - `state_ttl`: seconds for which a user's state is kept after its last change, from a day to 800 days and at least as
      long as notifications are; 366 days if left out.
  EOT
  type = object({
    state_ttl = optional(number, 31622400)
  })
  default = null

  validation {
    condition = var.inbox == null ? true : try(
      var.inbox.state_ttl >= 86400 && var.inbox.state_ttl <= 69120000 && floor(var.inbox.state_ttl) == var.inbox.state_ttl, false,
    )
    error_message = "inbox.state_ttl must be a whole number of seconds from 86400 (a day) to 69120000 (800 days), such as 31622400. It must not be shorter than a notification's lifetime: read notifications would become unread again."
  }

  validation {
    condition     = try(var.inbox.state_ttl >= var.notification_ttl, true)
    error_message = "inbox.state_ttl is shorter than notification_ttl, so read notifications would become unread again: set it to at least as many seconds, or leave it out for 366 days."
  }
}

variable "topics" {
  description = <<-EOT
    Topics and broadcasts: backends push to a topic or to every connection, and clients subscribe to the topics that
    their authorization names. `{}` for the defaults, null (the default) for neither.
    - `max_per_connection`: maximum number of topics that one connection subscribes to, 1 to 100.
    - `immediate_connections`: largest number of connections of a topic that the push function sends to directly.
      Workers send to topics with more; 0 leaves all to workers.
    - `workers`: how many workers run at once.
    - `broadcast_rate`: messages per second that all workers together send. If left out, half of the account's quota of
      requests to API Gateway in the Region: 5,000, in some Regions 1,250. The rest is left to other pushes; a plan
      warns of a rate above the quota.
  EOT
  type = object({
    max_per_connection    = optional(number, 20)
    immediate_connections = optional(number, 500)
    broadcast_rate        = optional(number)
    workers               = optional(number, 2)
  })
  default = null

  validation {
    condition = var.topics == null ? true : try(
      var.topics.max_per_connection >= 1 && var.topics.max_per_connection <= 100 && floor(var.topics.max_per_connection) == var.topics.max_per_connection, false
    )
    error_message = "topics.max_per_connection must be a whole number from 1 to 100, such as 20: each poll reads every topic of its connection."
  }

  validation {
    condition = var.topics == null ? true : try(
      var.topics.immediate_connections >= 0 && var.topics.immediate_connections <= 2000 && floor(var.topics.immediate_connections) == var.topics.immediate_connections, false
    )
    error_message = "topics.immediate_connections must be a whole number from 0 (workers do it all) to 2000, such as 500: the caller of the push function waits for them."
  }

  validation {
    condition = var.topics == null ? true : try(
      var.topics.workers >= 2 && var.topics.workers <= 100 && floor(var.topics.workers) == var.topics.workers, false
    )
    error_message = "topics.workers must be a whole number from 2 to 100: Lambda takes no fewer for a queue, and two send as much as the account's quota allows."
  }

  validation {
    condition = try(var.topics.broadcast_rate, null) == null ? true : try(
      var.topics.broadcast_rate >= var.topics.workers && var.topics.broadcast_rate <= 2147483647 && floor(var.topics.broadcast_rate) == var.topics.broadcast_rate, false
    )
    error_message = "topics.broadcast_rate must be a whole number of messages per second, at least one for each of topics.workers and at most 2147483647, such as 5000; leave it out for half of the account's quota."
  }
}

variable "events" {
  description = <<-EOT
    Report what happens to connections, users and notifications as [events](docs/events.md) on an EventBridge bus; null (the default)
    for none.
    - `event_bus_arn`: ARN of the bus, in the module's Region; the account's default bus will do.
    - `offline_after`: seconds without a connection after which a user is offline, 5 to 900: long enough for a reload.
    - `include_content`: whether `notification.undelivered` contains the notification's content.
  EOT
  type = object({
    event_bus_arn   = string
    offline_after   = optional(number, 30)
    include_content = optional(bool, false)
  })
  default = null

  validation {
    condition     = try(var.events == null || can(regex("^arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9._/-]{1,256}$", var.events.event_bus_arn)), false)
    error_message = "events.event_bus_arn must be the ARN of an EventBridge bus, such as aws_cloudwatch_event_bus.this.arn, or data.aws_cloudwatch_event_bus.default.arn for the account's own."
  }

  validation {
    condition     = try(join(":", regex("^arn:([^:]+):events:([^:]+):", var.events.event_bus_arn)) == local.provider_place, true)
    error_message = "events.event_bus_arn is in another Region or partition: a function sends only to buses in its own Region. Name a bus in the provider's Region, ${local.provider_region} (${local.provider_partition}), and have a rule pass its events on."
  }

  validation {
    condition = var.events == null ? true : try(
      var.events.offline_after >= 5 && var.events.offline_after <= 900 && floor(var.events.offline_after) == var.events.offline_after, false,
    )
    error_message = "events.offline_after must be a whole number of seconds from 5 to 900 (SQS delays no message for longer), such as 30."
  }
}

variable "stage_name" {
  description = "Name of the API's stage, the last part of the WebSocket URL. Changing it changes the URL and drops every connection."
  type        = string
  default     = "live"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,128}$", var.stage_name))
    error_message = "stage_name must be 1 to 128 letters, digits, hyphens and underscores, such as \"live\"; \"$default\" exists for HTTP APIs only."
  }
}

variable "throttling" {
  description = <<-EOT
    Limits for each route of the stage; by default the account's quota in the Region: 10,000 messages per second with
    bursts of 5,000, in some Regions 2,500 and 1,250. A plan warns of limits above the quota, because AWS enforces both.
    - `rate_limit`: messages per second.
    - `burst_limit`: size of a burst above that.
    - `client_rate_limit`, `client_burst_limit`: the same for each route on which clients send: poll, push, with
      `topics` subscribe and unsubscribe, and with `inbox` mark. If left out, half of the above and at most half of the
      quota, so that clients leave room for deliveries.
  EOT
  type = object({
    rate_limit         = optional(number)
    burst_limit        = optional(number)
    client_rate_limit  = optional(number)
    client_burst_limit = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.throttling.rate_limit == null ? true : var.throttling.rate_limit >= 1 && var.throttling.rate_limit <= 2147483647
    error_message = "throttling.rate_limit must be from 1 to 2147483647 messages per second; 0 would refuse every message."
  }

  validation {
    condition = (
      var.throttling.burst_limit == null ? true
      : var.throttling.burst_limit >= 1 && var.throttling.burst_limit <= 2147483647 && floor(var.throttling.burst_limit) == var.throttling.burst_limit
    )
    error_message = "throttling.burst_limit must be a whole number from 1 to 2147483647; 0 would refuse every message."
  }

  validation {
    condition = var.throttling.client_rate_limit == null ? true : (
      var.throttling.client_rate_limit >= 1 && var.throttling.client_rate_limit <= 2147483647 &&
      var.throttling.client_rate_limit <= coalesce(var.throttling.rate_limit, var.throttling.client_rate_limit)
    )
    error_message = "throttling.client_rate_limit must be from 1 to 2147483647 messages per second and not above throttling.rate_limit; leave it out for half of that."
  }

  validation {
    condition = var.throttling.client_burst_limit == null ? true : (
      var.throttling.client_burst_limit >= 1 && var.throttling.client_burst_limit <= 2147483647 &&
      var.throttling.client_burst_limit <= coalesce(var.throttling.burst_limit, var.throttling.client_burst_limit) &&
      floor(var.throttling.client_burst_limit) == var.throttling.client_burst_limit
    )
    error_message = "throttling.client_burst_limit must be a whole number from 1 to 2147483647 and not above throttling.burst_limit; leave it out for half of that."
  }
}

variable "functions" {
  description = <<-EOT
    Settings by function: connect, disconnect, poll, push, with `control` control, with `inbox` mark, with `topics`
    fanout and subscriptions, with `events` events, and with `jwt` verify_jwt. Everything has a default.
    - `memory_size`: MB; 512 for push, control and fanout, 256 for the others. A new account may be limited to 3,008.
    - `timeout`: seconds; 60 for fanout, 30 for push, control and events, 10 for the others.
    - `reserved_concurrency`: none by default; at least `topics.workers` for fanout and 10 for events. A new account may
      have a quota of 10 concurrent executions, of which nothing can be reserved or provisioned: the apply then fails.
      Have the quota raised first (Service Quotas, Lambda, "Concurrent executions").
    - `provisioned_concurrency`: environments to keep warm; none by default. With it, the function is invoked by its
      alias `live`. The quota must allow it, as above.
    - `architecture`: `"arm64"` (default) or `"x86_64"`.
    - `runtime`: `"python3.11"` to `"python3.14"`, by default python3.13. python3.14 needs a 6.x release of the
      provider. Must be known when planning.
    - `environment`: additional variables, such as AWS_ENDPOINT_URL_DYNAMODB, at most 4 KB with the module's own. Not
      for secrets.
  EOT
  type = map(object({
    memory_size             = optional(number)
    timeout                 = optional(number)
    reserved_concurrency    = optional(number)
    provisioned_concurrency = optional(number)
    architecture            = optional(string)
    runtime                 = optional(string)
    environment             = optional(map(string))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.functions), ["connect", "disconnect", "poll", "push", "control", "mark", "fanout", "subscriptions", "events", "verify_jwt"])) == 0
    error_message = "functions has a key that is not a function: write connect, disconnect, poll, push, control, mark, fanout, subscriptions, events or verify_jwt."
  }

  validation {
    condition     = alltrue([for settings in values(var.functions) : settings != null])
    error_message = "A function in functions is null: write {} or leave the function out to keep its defaults."
  }

  validation {
    condition = alltrue([
      for settings in values(var.functions) : try(settings.memory_size, null) == null || (
        try(settings.memory_size >= 128 && settings.memory_size <= 10240 && floor(settings.memory_size) == settings.memory_size, false)
      )
    ])
    error_message = "memory_size in functions must be a whole number of megabytes from 128 to 10240."
  }

  validation {
    condition = alltrue([
      for settings in values(var.functions) : try(settings.timeout, null) == null || (
        try(settings.timeout >= 1 && settings.timeout <= 900 && floor(settings.timeout) == settings.timeout, false)
      )
    ])
    error_message = "timeout in functions must be a whole number of seconds from 1 to 900."
  }

  validation {
    condition = alltrue([
      for function, settings in var.functions : contains(["push", "control", "fanout", "events"], function) || try(settings.timeout, null) == null || try(settings.timeout <= 29, false)
    ])
    error_message = "timeout in functions must be at most 29 seconds for connect, disconnect, poll, mark, subscriptions and verify_jwt: API Gateway waits no longer for an answer."
  }

  validation {
    condition     = try(var.functions["fanout"].timeout, null) == null || try(var.functions["fanout"].timeout >= 10, false)
    error_message = "functions.fanout.timeout must be at least 10 seconds, such as 60: it keeps a third of that for retries and for passing on the rest of its segment."
  }

  validation {
    condition = alltrue([
      for settings in values(var.functions) : try(settings.reserved_concurrency, null) == null || (
        try(settings.reserved_concurrency >= 0 && settings.reserved_concurrency <= 2147483647 && floor(settings.reserved_concurrency) == settings.reserved_concurrency, false)
      )
    ])
    error_message = "reserved_concurrency in functions must be a whole number from 0 to 2147483647 (0 stops the function); leave it out to reserve nothing."
  }

  validation {
    condition = alltrue([
      for settings in values(var.functions) : try(settings.provisioned_concurrency, null) == null || (
        try(settings.provisioned_concurrency >= 1 && settings.provisioned_concurrency <= 2147483647 && floor(settings.provisioned_concurrency) == settings.provisioned_concurrency, false)
      )
    ])
    error_message = "provisioned_concurrency in functions must be a whole number from 1 to 2147483647; leave it out to keep no environment warm."
  }

  validation {
    condition = alltrue([
      for settings in values(var.functions) :
      try(settings.provisioned_concurrency, null) == null || try(settings.reserved_concurrency, null) == null ? true
      : settings.provisioned_concurrency <= settings.reserved_concurrency
    ])
    error_message = "provisioned_concurrency in functions must not exceed reserved_concurrency, which includes it."
  }

  validation {
    condition = alltrue(flatten([
      for settings in values(var.functions) : [
        for name, value in try(coalesce(settings.environment, {}), {}) : value != null && can(regex("^[a-zA-Z][a-zA-Z0-9_]+$", name)) && !contains([
          "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
          "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
          "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
          "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
        ], name)
      ]
    ]))
    error_message = "environment in functions must map names of at least two letters, digits and underscores, beginning with a letter, to strings, and name none of the variables that Lambda sets itself (AWS_REGION, AWS_LAMBDA_FUNCTION_NAME and so on)."
  }

  validation {
    condition = alltrue([
      for settings in values(var.functions) : try(settings.architecture, null) == null ? true : contains(["arm64", "x86_64"], settings.architecture)
    ])
    error_message = "architecture in functions must be \"arm64\" or \"x86_64\"."
  }

  validation {
    condition = alltrue([
      for settings in values(var.functions) : try(settings.runtime, null) == null ? true : contains(["python3.11", "python3.12", "python3.13", "python3.14"], settings.runtime)
    ])
    error_message = "runtime in functions must be \"python3.11\", \"python3.12\", \"python3.13\" or \"python3.14\" (the last with a 6.x release of the provider that knows it)."
  }

  validation {
    condition     = var.control != null || !contains(keys(var.functions), "control")
    error_message = "functions.control has settings for a function that exists only with control: set control = {}, or leave functions.control out."
  }

  validation {
    condition     = var.events != null || !contains(keys(var.functions), "events")
    error_message = "functions.events has settings for a function that exists only with events: set events, or leave functions.events out."
  }

  validation {
    condition     = var.inbox != null || !contains(keys(var.functions), "mark")
    error_message = "functions.mark has settings for a function that exists only with inbox: set inbox = {}, or leave functions.mark out."
  }

  validation {
    condition     = var.topics != null || length(setintersection(keys(var.functions), ["fanout", "subscriptions"])) == 0
    error_message = "functions.fanout and functions.subscriptions have settings for functions that exist only with topics: set topics = {}, or leave them out."
  }

  # Lambda receives messages that it then has no concurrency for, and each receive counts. 0 stops the function on
  # purpose.
  validation {
    condition = (
      try(coalesce(var.functions["events"].reserved_concurrency), 0) == 0 ? true
      : try(var.functions["events"].reserved_concurrency >= 10, true)
    )
    error_message = "functions.events.reserved_concurrency must be at least 10, the concurrency of its queue: events would be throttled until they are moved to the dead-letter queue. Reserve more, or leave it out."
  }

  validation {
    condition = (
      try(coalesce(var.functions["fanout"].reserved_concurrency), 0) == 0 ? true
      : try(var.functions["fanout"].reserved_concurrency >= var.topics.workers, true)
    )
    error_message = "functions.fanout.reserved_concurrency must not be below topics.workers: segments of a broadcast would be throttled until they are moved to the dead-letter queue. Reserve at least that many, or have fewer workers."
  }

  validation {
    condition     = var.jwt != null || !contains(keys(var.functions), "verify_jwt")
    error_message = "functions.verify_jwt has settings for a function that exists only with jwt: set jwt, or leave verify_jwt out."
  }
}

variable "packages" {
  description = <<-EOT
    Packages built elsewhere, by function (connect, disconnect, poll, push, control, mark, fanout, subscriptions,
    events, verify_jwt). The others come from `packages_folder` or are built by apply. With `topics`, `events`, `inbox`
    or `limits.messages_per_second`, the package of push is push_extended.
    - `filename`: a local zip.
    - `s3_bucket`, `s3_key`, `s3_object_version`: an object in S3 instead, the version only in a versioned bucket.
    - `source_code_hash`: SHA-256 of the zip in base64. Without it, every plan reads a local zip, and notices a new
      object in S3 only by its key or version.
  EOT
  type = map(object({
    filename          = optional(string)
    s3_bucket         = optional(string)
    s3_key            = optional(string)
    s3_object_version = optional(string)
    source_code_hash  = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.packages), ["connect", "disconnect", "poll", "push", "control", "mark", "fanout", "subscriptions", "events", "verify_jwt"])) == 0
    error_message = "packages has a key that is not a function: write connect, disconnect, poll, push, control, mark, fanout, subscriptions, events or verify_jwt."
  }

  validation {
    condition = alltrue([
      for package in values(var.packages) : try(
        package.filename != null
        ? trimspace(package.filename) != "" && package.s3_bucket == null && package.s3_key == null && package.s3_object_version == null
        : package.s3_bucket != null && package.s3_key != null,
        false,
      )
    ])
    error_message = "An entry of packages is either a local file, { filename = \"push.zip\" }, or an object in S3, { s3_bucket = \"my-packages\", s3_key = \"push.zip\" }, which may have an s3_object_version."
  }

  # What Lambda accepts.
  validation {
    condition = alltrue(flatten([
      for package in values(var.packages) : [
        try(package.s3_bucket, null) == null ? true : can(regex("^[0-9A-Za-z._-]{2,62}[0-9A-Za-z_-]$", package.s3_bucket)),
        [
          for name in [try(package.s3_key, null), try(package.s3_object_version, null)] :
          name == null ? true : length(name) >= 1 && length(name) <= 1024
        ],
      ]
    ]))
    error_message = "s3_bucket in packages must be the name of a bucket alone, such as \"my-packages\", and s3_key and s3_object_version must have 1 to 1024 characters; leave s3_object_version out for the latest."
  }

  validation {
    condition = alltrue([
      for package in values(var.packages) : try(package.source_code_hash, null) == null ? true : can(regex("^[A-Za-z0-9+/]{43}=$", package.source_code_hash))
    ])
    error_message = "source_code_hash in packages must be the zip's SHA-256 in base64, as filebase64sha256(\"push.zip\") gives it."
  }
}

variable "packages_folder" {
  description = <<-EOT
    Folder with the packages of this module's release, so that apply builds nothing and needs neither Python nor a
    package index: all zips that are attached to the release, and its packages.json. The plan checks each zip against
    the checksums, and that it was built from this version's sources. Functions in `packages` use those packages
    instead. Null (the default): apply builds the packages.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.packages_folder == null ? true : trimspace(var.packages_folder) != ""
    error_message = "packages_folder must be the path of a folder with a release's packages, such as \"./push-packages\". Leave it out to have apply build the packages."
  }
}

variable "log_retention_days" {
  description = "Days for which CloudWatch keeps the functions' logs; 0 keeps them indefinitely."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition = contains([
      0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653, or 0 to keep the logs indefinitely: CloudWatch takes no other."
  }
}

# Not DEBUG: at that level the SDK that reads a secret for verify_jwt would log the secret.
variable "log_level" {
  description = "The lowest level that the functions log: \"INFO\" (each invocation), \"WARN\" (what was refused, or went wrong) or \"ERROR\" (faults). Metrics are not affected: an invocation below the level logs only its metrics."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["INFO", "WARN", "ERROR"], var.log_level)
    error_message = "log_level must be \"INFO\" (each invocation), \"WARN\" (what was refused, or went wrong) or \"ERROR\" (faults)."
  }
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the functions' metrics; \"\" for no metrics. CloudWatch bills each metric: see docs/monitoring.md. Must be known when planning."
  type        = string
  default     = "WebSocketPush"
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z0-9._/#-][A-Za-z0-9._/#:-]{0,254})?$", var.metrics_namespace)) && !startswith(lower(var.metrics_namespace), "aws/")
    error_message = "metrics_namespace must be 1 to 255 of A-Z, a-z, 0-9 and . _ - / # : that begin neither with a colon nor with \"AWS/\", which AWS reserves, such as \"WebSocketPush\"; or \"\" for no metrics."
  }
}

variable "alarms" {
  description = <<-EOT
    CloudWatch alarms ([runbook](docs/runbook.md)): `{}` for all of them, null for none.
    - `sns_topic_arns`: topics notified when an alarm fires and when it clears, in the module's Region.
    - `leave_out`: keys of alarms to leave out. Must be known when planning.
    - `thresholds`: by key, the number in five minutes above which the alarm fires. `push_duration` is a percentage of the push
      function's timeout, `push_queue_age` and `fanout_age` are in seconds.
  EOT
  type = object({
    sns_topic_arns = optional(list(string), [])
    leave_out      = optional(set(string), [])
    thresholds = optional(object({
      authorizer_errors       = optional(number, 0)
      connections_refused     = optional(number, 100)
      dead_letters            = optional(number, 0)
      deliveries_failed       = optional(number, 10)
      errors                  = optional(number, 0)
      events_dead_letters     = optional(number, 0)
      fanout_age              = optional(number, 900)
      fanout_dead_letters     = optional(number, 0)
      faults                  = optional(number, 0)
      keys_unavailable        = optional(number, 0)
      not_persisted           = optional(number, 0)
      push_duration           = optional(number, 80)
      push_queue_age          = optional(number, 300)
      push_queue_dead_letters = optional(number, 0)
      throttles               = optional(number, 0)
    }), {})
  })
  default = null

  validation {
    condition = var.alarms == null ? true : try(alltrue([
      for arn in var.alarms.sns_topic_arns : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$", arn))
    ]), false)
    error_message = "alarms.sns_topic_arns must list ARNs of standard SNS topics, such as aws_sns_topic.operations.arn; an alarm cannot publish to a FIFO topic."
  }

  validation {
    condition     = var.alarms == null ? true : try(length(var.alarms.sns_topic_arns) <= 5, false)
    error_message = "alarms.sns_topic_arns must have at most 5 topics: an alarm takes no more."
  }

  validation {
    condition     = var.alarms == null ? true : try(length(setsubtract(var.alarms.leave_out, keys(var.alarms.thresholds))) == 0, false)
    error_message = "alarms.leave_out has a key that is not an alarm: write authorizer_errors, connections_refused, dead_letters, deliveries_failed, errors, events_dead_letters, fanout_age, fanout_dead_letters, faults, keys_unavailable, not_persisted, push_duration, push_queue_age, push_queue_dead_letters or throttles."
  }

  validation {
    condition     = var.alarms == null ? true : try(alltrue([for threshold in values(var.alarms.thresholds) : threshold >= 0 && threshold <= 2147483647]), false)
    error_message = "A threshold in alarms.thresholds must be a number from 0 to 2147483647: the alarm fires above it."
  }

  validation {
    condition     = var.alarms == null ? true : try(var.alarms.thresholds.push_duration < 100, false)
    error_message = "alarms.thresholds.push_duration must be below 100, in percent of the push function's timeout: an invocation cannot take longer than that."
  }

  validation {
    condition = alltrue([
      for arn in try(var.alarms.sns_topic_arns, []) : try(join(":", regex("^arn:([^:]+):sns:([^:]+):", arn)) == local.provider_place, true)
    ])
    error_message = "alarms.sns_topic_arns has a topic in another Region or partition: an alarm notifies only topics in its own Region. Name topics in the provider's Region, ${local.provider_region} (${local.provider_partition})."
  }
}

variable "dashboard" {
  description = "Whether to create a CloudWatch dashboard, which CloudWatch bills. Must be known when planning."
  type        = bool
  default     = false
  nullable    = false
}

variable "tracing" {
  description = "Whether X-Ray traces the functions, which X-Ray bills."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the tables are protected from deletion. While it is on, terraform destroy fails before it destroys anything, an apply that removes topics fails too, and DynamoDB refuses to delete the tables. If the module block itself is deleted from the configuration, only the tables are protected. To destroy, set it to false and apply first."
  type        = bool
  default     = true
  nullable    = false
}

variable "point_in_time_recovery" {
  description = "Whether the tables can be restored to any second of the last 35 days. DynamoDB bills it by the size of the tables."
  type        = bool
  default     = true
  nullable    = false
}

variable "table_billing" {
  description = <<-EOT
    How DynamoDB bills the tables:
    - `mode`: `"PAY_PER_REQUEST"` (on demand) or `"PROVISIONED"`. Must be known when planning, as must `read_capacity` and
      `write_capacity`.
    - `clients`, `notifications`, `subscriptions`: capacity units of each table (`subscriptions` with `topics`) with
      `"PROVISIONED"`: autoscaling keeps them between `read_capacity` and `read_capacity_max`, `write_capacity` and
      `write_capacity_max`. 5 units, and a maximum equal to the minimum, if left out.
    - `clients_index`: fixed capacity units of the index of clients; 5 and 5 if left out.
    - `target_utilization`: percentage of the capacity that autoscaling aims at, 20 to 90; 70 if left out.
  EOT
  type = object({
    mode = optional(string, "PAY_PER_REQUEST")
    clients = optional(object({
      read_capacity      = optional(number)
      read_capacity_max  = optional(number)
      write_capacity     = optional(number)
      write_capacity_max = optional(number)
    }))
    clients_index = optional(object({
      read_capacity  = optional(number)
      write_capacity = optional(number)
    }))
    notifications = optional(object({
      read_capacity      = optional(number)
      read_capacity_max  = optional(number)
      write_capacity     = optional(number)
      write_capacity_max = optional(number)
    }))
    subscriptions = optional(object({
      read_capacity      = optional(number)
      read_capacity_max  = optional(number)
      write_capacity     = optional(number)
      write_capacity_max = optional(number)
    }))
    target_utilization = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = try(contains(["PAY_PER_REQUEST", "PROVISIONED"], var.table_billing.mode), false)
    error_message = "table_billing.mode must be \"PAY_PER_REQUEST\" (on demand) or \"PROVISIONED\"."
  }

  validation {
    condition = try(var.table_billing.mode == "PROVISIONED", true) || alltrue([
      for setting in ["clients", "clients_index", "notifications", "subscriptions", "target_utilization"] : var.table_billing[setting] == null
    ])
    error_message = "table_billing has a capacity, but on demand there is none: write mode = \"PROVISIONED\" beside it, or leave it out."
  }

  validation {
    condition     = var.topics != null || try(var.table_billing.subscriptions, null) == null
    error_message = "table_billing.subscriptions is the capacity of a table that exists only with topics: write topics = {} beside it, or leave it out."
  }

  validation {
    condition = alltrue(flatten([
      for name in ["clients", "clients_index", "notifications", "subscriptions"] : [
        for unit, capacity in coalesce(var.table_billing[name], {}) :
        capacity == null ? true : try(capacity >= 1 && capacity <= 2147483647 && floor(capacity) == capacity, false)
      ]
    ]))
    error_message = "A capacity in table_billing must be a whole number of capacity units from 1 to 2147483647, such as 5."
  }

  validation {
    condition = alltrue(flatten([
      for table in [var.table_billing.clients, var.table_billing.notifications, var.table_billing.subscriptions] : [
        for unit in ["read_capacity", "write_capacity"] :
        try(table["${unit}_max"], null) == null ? true
        : try(table["${unit}_max"] >= try(coalesce(table[unit]), local.default_capacity), false)
      ]
    ]))
    error_message = "read_capacity_max and write_capacity_max in table_billing must not be below read_capacity and write_capacity; leave them out for a capacity that does not change."
  }

  validation {
    condition = (
      var.table_billing.target_utilization == null ? true
      : var.table_billing.target_utilization >= 20 && var.table_billing.target_utilization <= 90
    )
    error_message = "table_billing.target_utilization must be a percentage from 20 to 90, such as 70: DynamoDB's autoscaling takes no other."
  }
}

variable "kms" {
  description = <<-EOT
    Customer managed KMS keys, by ARN, in the module's Region. The functions' roles get the permissions that they need; what the keys'
    policies must allow is in the README of [modules/dynamodb](modules/dynamodb) and [modules/lambda](modules/lambda).
    - `tables_key_arn`: encrypts the tables; the account's key aws/dynamodb if left out.
    - `logs_key_arn`: encrypts the log groups; a key of CloudWatch Logs if left out.
    - `queues_key_arn`: encrypts the queues; keys of SQS if left out.
  EOT
  type = object({
    tables_key_arn = optional(string)
    logs_key_arn   = optional(string)
    queues_key_arn = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for arn in values(var.kms) : arn == null ? true : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))
    ])
    error_message = "A key in kms must be the ARN of a key, such as \"arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab\": IAM does not look through an alias."
  }

  validation {
    condition     = alltrue([for arn in values(var.kms) : try(join(":", regex("^arn:([^:]+):kms:([^:]+):", arn)) == local.provider_place, true)])
    error_message = "A key in kms is in another Region or partition: DynamoDB, CloudWatch Logs and SQS use only keys in their own Region. Name keys in the provider's Region, ${local.provider_region} (${local.provider_partition})."
  }
}

variable "vpc" {
  description = <<-EOT
    Run the functions in a VPC; null (the default) for none. They need a route to DynamoDB (a gateway endpoint will do),
    to `connections_url` (a NAT gateway), with `topics`, `control` or `events` to SQS, with `events` to EventBridge and,
    for verify_jwt, to the key set, Secrets Manager or SSM ([which function to
    what](modules/lambda/README.md#in-a-vpc)). In a VPC that has an interface endpoint for execute-api with private DNS,
    API Gateway answers every post with 403: set `custom_domain.posts`, or turn the endpoint's private DNS off.
    - `subnet_ids`: 1 to 16 subnets.
    - `security_group_ids`: 1 to 5 security groups.
  EOT
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.vpc == null ? true : try(length(var.vpc.subnet_ids) >= 1 && length(var.vpc.security_group_ids) >= 1 && length(var.vpc.security_group_ids) <= 5, false)
    error_message = "vpc needs at least one subnet and one to five security groups: subnet_ids = [\"subnet-0123456789abcdef0\"], security_group_ids = [\"sg-0123456789abcdef0\"]."
  }

  validation {
    condition = try(alltrue(concat(
      [for id in var.vpc.subnet_ids : can(regex("^subnet-[0-9a-z]+$", id))],
      [for id in var.vpc.security_group_ids : can(regex("^sg-[0-9a-zA-Z]+$", id))],
    )), var.vpc == null)
    error_message = "vpc.subnet_ids must list ids of subnets, such as \"subnet-0123456789abcdef0\", and vpc.security_group_ids ids of security groups, such as \"sg-0123456789abcdef0\", with nothing before or after them."
  }

  validation {
    condition     = try(length(var.vpc.subnet_ids) <= 16, true)
    error_message = "vpc.subnet_ids must have at most 16 subnets: a Lambda function takes no more."
  }
}

variable "iam_roles" {
  description = <<-EOT
    The functions' IAM roles:
    - `path`: path of the roles.
    - `permissions_boundary_arn`: ARN of the policy that is their permissions boundary; none if left out.
  EOT
  type = object({
    path                     = optional(string, "/")
    permissions_boundary_arn = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    # IAM allows more characters, but Lambda accepts no role that has them in its ARN.
    condition     = can(regex("^/([A-Za-z0-9_+=,.@-]+/)*$", var.iam_roles.path)) && length(var.iam_roles.path) <= 512
    error_message = "iam_roles.path must begin and end with a slash, have at most 512 characters and otherwise contain only letters, digits and _ + = , . @ -, which is what Lambda accepts, such as \"/push/\"."
  }

  validation {
    condition = (
      var.iam_roles.permissions_boundary_arn == null ? true
      : can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/([!-)+->@-~]+/)?[A-Za-z0-9_+=,.@-]{1,128}$", var.iam_roles.permissions_boundary_arn))
    )
    error_message = "iam_roles.permissions_boundary_arn must be the ARN of a managed policy, such as \"arn:aws:iam::123456789012:policy/boundary\"."
  }

  validation {
    condition     = try(regex("^arn:([^:]+):", var.iam_roles.permissions_boundary_arn)[0] == local.provider_partition, true)
    error_message = "iam_roles.permissions_boundary_arn is in another partition than the provider: write \"arn:${local.provider_partition}:iam::\" and so on, the policy of the account that the roles are in."
  }
}

variable "access_logs" {
  description = <<-EOT
    Log each connection, message and disconnection to CloudWatch, without anything that clients sent; null (the default) for no logs.
    API Gateway writes with a role of the account and Region (aws_api_gateway_account), which must exist: the module does not create it.
    - `retention_days`: days to keep the logs, 0 for indefinitely; `log_retention_days` if left out.
    - `source_ip`: whether the logs hold the clients' IP addresses, which are personal data.
  EOT
  type = object({
    retention_days = optional(number)
    source_ip      = optional(bool, false)
  })
  default = null

  validation {
    condition = try(var.access_logs.retention_days, null) == null ? true : contains([
      0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.access_logs.retention_days)
    error_message = "access_logs.retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653, or 0 to keep the logs indefinitely: CloudWatch takes no other."
  }
}

variable "custom_domain" {
  description = <<-EOT
    A custom domain name for clients; null (the default) for the API's own address.
    - `domain_name`: such as push.example.com.
    - `certificate_arn`: ARN of the ACM certificate, in the API's Region.
    - `hosted_zone_id`: Route 53 zone in which to create the alias record; if left out, create the record from the outputs
      `custom_domain_target_*`.
    - `mapping_key`: path below the name.
    - `posts`: whether the push function posts through the domain too, so that `connections_url` is at that name. Needed in a VPC with an
      interface endpoint for execute-api with private DNS, where the API's own address leads to private APIs and posts get 403.
  EOT
  type = object({
    domain_name     = string
    certificate_arn = string
    hosted_zone_id  = optional(string)
    mapping_key     = optional(string)
    posts           = optional(bool, false)
  })
  default = null

  validation {
    condition = var.custom_domain == null ? true : (
      try(length(var.custom_domain.domain_name) <= 253, true) &&
      can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", var.custom_domain.domain_name))
    )
    error_message = "custom_domain.domain_name must be a name in lower case with at least one dot, such as \"push.example.com\": no scheme, no path, and no wildcard, since clients need a whole name."
  }

  validation {
    condition = var.custom_domain == null ? true : can(
      regex("^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$", var.custom_domain.certificate_arn)
    )
    error_message = "custom_domain.certificate_arn must be the ARN of an ACM certificate, such as \"arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012\"."
  }

  validation {
    condition     = try(var.custom_domain.hosted_zone_id, null) == null ? true : can(regex("^[A-Z0-9]{1,32}$", var.custom_domain.hosted_zone_id))
    error_message = "custom_domain.hosted_zone_id must be the id of a Route 53 zone, such as \"Z0123456789ABCDEFGHIJ\", without /hostedzone/ before it."
  }

  validation {
    condition     = try(var.custom_domain.mapping_key, null) == null ? true : can(regex("^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$", var.custom_domain.mapping_key))
    error_message = "custom_domain.mapping_key must be 1 to 128 letters, digits, hyphens, underscores and dots, such as \"v1\". Leave it out to map the domain itself."
  }

  validation {
    condition     = try(join(":", regex("^arn:([^:]+):acm:([^:]+):", var.custom_domain.certificate_arn)) == local.provider_place, true)
    error_message = "custom_domain.certificate_arn is in another Region or partition than the API. A Regional domain name needs a certificate in its own Region, ${local.provider_region} of ${local.provider_partition} (us-east-1 is for CloudFront)."
  }
}
