module "refused_1" {
  source = "../../../"

  allow_anonymous    = true
  name               = "a"                # too short; refused: name must be 2
  tags               = { "" = "v" }       # a key of no characters; refused: A tag's key must
  client_push        = "all"              # no such choice; refused: client_push must be "none"
  notification_ttl   = 59                 # too short; refused: notification_ttl must be a
  keepalive          = { seconds = 29 }   # too often; refused: keepalive.seconds must be a
  max_frame_kb       = 31                 # a client may send more; refused: max_frame_kb must be a
  stage_name         = ""                 # empty; refused: stage_name must be 1
  throttling         = { rate_limit = 0 } # no messages; refused: throttling.rate_limit must be from
  log_retention_days = 31                 # CloudWatch takes no such number; refused: log_retention_days must be one
}

module "refused_2" {
  source = "../../../"

  allow_anonymous  = true
  name             = "a23456789-123456789-123456789-123456789-123456789" # too long; refused: name must be 2
  tags             = { "AWS:team" = "a" }                                # a key that AWS keeps for itself; refused: A tag's key must
  notification_ttl = 31536001                                            # too long; refused: notification_ttl must be a
  keepalive        = { seconds = 241 }                                   # too seldom to close a gap in time; refused: keepalive.seconds must be a
  max_frame_kb     = 129                                                 # more than API Gateway carries; refused: max_frame_kb must be a
  stage_name       = "$default"                                          # for HTTP APIs only; refused: stage_name must be 1
  throttling       = { burst_limit = 0 }                                 # no messages; refused: throttling.burst_limit must be a
}

module "refused_3" {
  source = "../../../"

  allow_anonymous  = true
  name             = "Push"                                            # a capital; refused: name must be 2
  tags             = { (join("", [for _ in range(129) : "k"])) = "v" } # a key too long; refused: A tag's key must
  notification_ttl = 60.5                                              # a fraction; refused: notification_ttl must be a
  keepalive        = { action = "ping", seconds = 541 }                # too near to the idle timeout; refused: keepalive.seconds must be a
  max_frame_kb     = 32.5                                              # a fraction; refused: max_frame_kb must be a
  stage_name       = join("", [for _ in range(129) : "s"])             # too long; refused: stage_name must be 1
  throttling       = { burst_limit = 1.5 }                             # a fraction; refused: throttling.burst_limit must be a
}

module "refused_4" {
  source = "../../../"

  allow_anonymous = true
  name            = "1push"                                         # begins with a digit; refused: name must be 2
  tags            = { key = join("", [for _ in range(257) : "v"]) } # a value too long; refused: A tag's key must
  functions       = { push = { memory_size = 10241 } }              # too large; refused: memory_size in functions must be a
}

module "refused_5" {
  source = "../../../"

  allow_anonymous = true
  name            = "push-"                            # ends with a hyphen; refused: name must be 2
  tags            = { key = null }                     # no value; refused: A tag's key must
  functions       = { push = { memory_size = 512.5 } } # a fraction; refused: memory_size in functions must be a
}

module "refused_6" {
  source = "../../../"

  allow_anonymous = true
  name            = "web_socket"                                         # an underscore; refused: name must be 2
  tags            = { for number in range(49) : "key-${number}" => "v" } # too many; refused: tags must have at
  functions       = { push = { timeout = 0 } }                           # too short; refused: timeout in functions must be a whole
}

module "tag_keys_that_differ_by_case" {
  source = "../../../"

  allow_anonymous = true
  tags            = { team = "a", Team = "b" } # refused: tags has keys that
}

module "a_tag_key_like_the_modules_own" {
  source = "../../../"

  allow_anonymous = true
  tags            = { name = "a" } # refused: tags has keys that
}

module "a_default_tag_like_the_modules_own" {
  source    = "../../../"
  providers = { aws = aws.tagged_1 }

  allow_anonymous = true
  tags            = {} # refused: default_tags of the provider
}

module "a_default_tag_like_one_of_the_callers" {
  source    = "../../../"
  providers = { aws = aws.tagged_2 }

  allow_anonymous = true
  tags            = { team = "a" } # refused: default_tags of the provider
}

module "too_many_tags_with_the_default_ones" {
  source    = "../../../"
  providers = { aws = aws.tagged_3 }

  allow_anonymous = true
  tags            = { for number in range(47) : "tag-${number}" => "" } # refused: tags, the provider's default_tags
}

module "a_tag_key_with_a_character_that_iam_refuses" {
  source = "../../../"

  allow_anonymous = true
  tags            = { "team#1" = "a" } # refused: Keys and values in
}

module "a_tag_value_with_a_character_that_iam_refuses" {
  source = "../../../"

  allow_anonymous = true
  tags            = { team = "a, b" } # refused: Keys and values in
}

module "a_default_tag_that_is_replaced" {
  source    = "../../../"
  providers = { aws = aws.tagged_4 }

  allow_anonymous = true
  tags            = { team = "b" }
}

module "tags_with_all_characters_that_are_taken" {
  source = "../../../"

  allow_anonymous = true
  tags            = { "Équipe 1_.:/=+-@" = "ü 2_.:/=+-@", empty = "" }
}

module "a_default_tag_key_with_a_character_that_iam_refuses" {
  source    = "../../../"
  providers = { aws = aws.tagged_5 }

  allow_anonymous = true
  tags            = {} # refused: default_tags of the provider has a tag
}

module "a_default_tag_value_with_a_character_that_iam_refuses" {
  source    = "../../../"
  providers = { aws = aws.tagged_6 }

  allow_anonymous = true
  tags            = {} # refused: default_tags of the provider has a tag
}

module "a_default_tag_value_too_long" {
  source    = "../../../"
  providers = { aws = aws.tagged_7 }

  allow_anonymous = true
  tags            = {} # refused: default_tags of the provider has a tag
}

module "a_default_tag_key_of_awss_own" {
  source    = "../../../"
  providers = { aws = aws.tagged_8 }

  allow_anonymous = true
  tags            = {} # refused: default_tags of the provider has a tag
}

module "the_modules_own_tag" {
  source = "../../../"

  allow_anonymous = true
  tags            = { "WebSocket-Push:deployed" = "a" } # refused: tags or the provider's default_tags have
}

module "the_modules_own_tag_by_default" {
  source    = "../../../"
  providers = { aws = aws.tagged_9 }

  allow_anonymous = true
  tags            = {} # refused: tags or the provider's default_tags have
}
