module "no_authorization_given" {
  source = "../../../"

  allow_anonymous = false # refused: Say who may connect
}

module "tokens_and_anonymous_clients" {
  source = "../../../"

  allow_anonymous = true # refused: Say who may connect
  jwt             = { jwks_uri = "https://issuer.example/jwks.json" }
}

module "an_authorizer_and_anonymous_clients" {
  source = "../../../"

  allow_anonymous = true # refused: Say who may connect
  authorizer      = { function_name = "mine", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:mine" }
}

module "tokens_and_an_authorizer" {
  source = "../../../"

  allow_anonymous = false # refused: Say who may connect
  jwt             = { jwks_uri = "https://issuer.example/jwks.json" }
  authorizer      = { function_name = "mine", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:mine" }
}

module "connecting_refused_1" {
  source = "../../../"

  allow_anonymous = false
  # jwt: no keys
  jwt = {} # refused: jwt needs exactly one source
  # authorizer: an ARN for a name
  authorizer = { function_name = "arn:aws:lambda:eu-central-1:123456789012:function:mine", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:mine" } # refused: authorizer.function_arn must be the
  # allowed_origins: a wildcard
  allowed_origins = ["*"] # refused: allowed_origins must list origins
  # packages: no such function
  packages = { pull = { filename = "pull.zip" } } # refused: packages has a key
}

module "connecting_refused_2" {
  source = "../../../"

  allow_anonymous = false
  # jwt: two sources of keys
  jwt = { jwks_uri = "https://issuer.example/jwks.json", secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push-a1B2c3" } # refused: jwt needs exactly one source
  # authorizer: empty
  authorizer = { function_name = "", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:" } # refused: authorizer.function_arn must be the
  # allowed_origins: a wildcard
  allowed_origins = ["https://*.example.com"] # refused: allowed_origins must list origins
  # packages: no package
  packages = { push = {} } # refused: An entry of packages is either
}

module "connecting_refused_3" {
  source = "../../../"

  allow_anonymous = false
  # jwt: keys in the clear
  jwt = { jwks_uri = "http://issuer.example/jwks.json" } # refused: jwt.jwks_uri must be an
  # authorizer: an alias
  authorizer = { function_name = "mine:live", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:mine:live" } # refused: authorizer.function_arn must be the
  # allowed_origins: no scheme
  allowed_origins = ["app.example.com"] # refused: allowed_origins must list origins
  # packages: null
  packages = { push = null } # refused: An entry of packages is either
}

module "connecting_refused_4" {
  source = "../../../"

  allow_anonymous = false
  # jwt: loopback without the word on it
  jwt = { jwks_uri = "http://127.0.0.1/jwks.json" } # refused: jwt.jwks_uri must be an
  # authorizer: an alias
  authorizer = { function_name = "mine", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:mine:live" } # refused: authorizer.function_arn must be the
  # allowed_origins: a slash at the end
  allowed_origins = ["https://app.example.com/"] # refused: allowed_origins must list origins
  # packages: two places
  packages = { push = { filename = "main.tf", s3_bucket = "packages" } } # refused: An entry of packages is either
}

module "connecting_refused_5" {
  source = "../../../"

  allow_anonymous = false
  # jwt: in the clear, and no loopback
  jwt = { jwks_uri = "http://issuer.example/jwks.json", allow_insecure_loopback = true } # refused: jwt.jwks_uri must be an
  # authorizer: another function
  authorizer = { function_name = "mine", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:other" } # refused: authorizer.function_arn must be the
  # allowed_origins: a path
  allowed_origins = ["https://app.example.com/path"] # refused: allowed_origins must list origins
  # packages: two places
  packages = { push = { filename = "main.tf", s3_key = "push.zip" } } # refused: An entry of packages is either
}

module "connecting_refused_6" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a name like an address
  jwt = { jwks_uri = "http://127.0.0.1.example/jwks.json", allow_insecure_loopback = true } # refused: jwt.jwks_uri must be an
  # authorizer: another function of a like name
  authorizer = { function_name = "mine", function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:undermine" } # refused: authorizer.function_arn must be the
  # allowed_origins: a capital
  allowed_origins = ["https://App.example.com"] # refused: allowed_origins must list origins
  # packages: a version of a local file
  packages = { push = { filename = "main.tf", s3_object_version = "1" } } # refused: An entry of packages is either
}

module "connecting_refused_7" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a user name like a host
  jwt = { jwks_uri = "http://localhost@issuer.example/", allow_insecure_loopback = true } # refused: jwt.jwks_uri must be an
  # authorizer: a name for an ARN
  authorizer = { function_name = "mine", function_arn = "mine" } # refused: authorizer.function_arn must be the
  # allowed_origins: the port that https has anyway
  allowed_origins = ["https://app.example.com:443"] # refused: An origin in allowed_origins
  # packages: no key
  packages = { push = { s3_bucket = "packages" } } # refused: An entry of packages is either
}

module "connecting_refused_8" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a password
  jwt = { jwks_uri = "https://user:password@issuer.example/jwks.json" } # refused: jwt.jwks_uri must be an
  # authorizer: no name
  authorizer = { function_name = null, function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:mine" } # refused: authorizer.function_arn must be the
  # allowed_origins: the port that http has anyway
  allowed_origins = ["http://localhost:80"] # refused: An origin in allowed_origins
  # packages: no bucket
  packages = { push = { s3_key = "push.zip" } } # refused: An entry of packages is either
}

module "connecting_refused_9" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a fragment
  jwt = { jwks_uri = "https://issuer.example/jwks.json#keys" } # refused: jwt.jwks_uri must be an
  # authorizer: no ARN
  authorizer = { function_name = "mine", function_arn = null } # refused: authorizer.function_arn must be the
  # allowed_origins: the origin of no page in particular
  allowed_origins = ["null"] # refused: allowed_origins must list origins
  # packages: hexadecimal
  packages = { push = { filename = "main.tf", source_code_hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" } } # refused: source_code_hash in packages must be the
}

module "connecting_refused_10" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a space
  jwt = { jwks_uri = "https://issuer.example/my keys" } # refused: jwt.jwks_uri must be an
  # allowed_origins: empty
  allowed_origins = [""] # refused: allowed_origins must list origins
  # packages: empty
  packages = { push = { filename = "main.tf", source_code_hash = "" } } # refused: source_code_hash in packages must be the
}

module "connecting_refused_11" {
  source = "../../../"

  allow_anonymous = false
  # jwt: no such port
  jwt = { jwks_uri = "https://issuer.example:0/jwks.json" } # refused: jwt.jwks_uri must be an
  # allowed_origins: a user name
  allowed_origins = ["https://user@app.example.com"] # refused: allowed_origins must list origins
}

module "connecting_refused_12" {
  source = "../../../"

  allow_anonymous = false
  # jwt: no scheme
  jwt = { jwks_uri = "issuer.example/jwks.json" } # refused: jwt.jwks_uri must be an
  # allowed_origins: no such port
  allowed_origins = ["https://app.example.com:0"] # refused: allowed_origins must list origins
}

module "connecting_refused_13" {
  source = "../../../"

  allow_anonymous = false
  # jwt: another scheme
  jwt = { jwks_uri = "file:///jwks.json" } # refused: jwt.jwks_uri must be an
  # allowed_origins: not as browsers send it
  allowed_origins = ["https://bücher.example"] # refused: allowed_origins must list origins
}

module "connecting_refused_14" {
  source = "../../../"

  allow_anonymous = false
  # jwt: no host
  jwt = { jwks_uri = "https:///jwks.json" } # refused: jwt.jwks_uri must be an
  # allowed_origins: null
  allowed_origins = ["https://a.example", null] # refused: allowed_origins must list origins
}

module "connecting_refused_15" {
  source = "../../../"

  allow_anonymous = false
  # jwt: empty
  jwt = { jwks_uri = "" } # refused: jwt.jwks_uri must be an
  # allowed_origins: more than an environment holds
  allowed_origins = [for number in range(200) : "https://app-${number}.example"] # refused: allowed_origins must have at
}

module "connecting_refused_16" {
  source = "../../../"

  allow_anonymous = false
  # jwt: the secret itself
  jwt = { secret_arn = "correct horse battery staple" } # refused: jwt.secret_arn must be the
}

module "connecting_refused_17" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a name
  jwt = { secret_arn = "push-jwt" } # refused: jwt.secret_arn must be the
}

module "connecting_refused_18" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a part of the ARN
  jwt = { secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push" } # refused: jwt.secret_arn must be the
}

module "connecting_refused_19" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a pattern
  jwt = { secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:*-a1B2c3" } # refused: jwt.secret_arn must be the
}

module "connecting_refused_20" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a pattern
  jwt = { secret_arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/*" } # refused: jwt.secret_arn must be the
}

module "connecting_refused_21" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a version
  jwt = { secret_arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/push:3" } # refused: jwt.secret_arn must be the
}

module "connecting_refused_22" {
  source = "../../../"

  allow_anonymous = false
  # jwt: another service
  jwt = { secret_arn = "arn:aws:s3:::bucket/secret-a1B2c3" } # refused: jwt.secret_arn must be the
}

module "connecting_refused_23" {
  source = "../../../"

  allow_anonymous = false
  # jwt: an alias
  jwt = { secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push-a1B2c3", secret_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/push" } # refused: jwt.secret_kms_key_arn must be the
}

module "connecting_refused_24" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a pattern
  jwt = { secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push-a1B2c3", secret_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/*" } # refused: jwt.secret_kms_key_arn must be the
}

module "connecting_refused_25" {
  source = "../../../"

  allow_anonymous = false
  # jwt: nothing to decrypt
  jwt = { jwks_uri = "https://issuer.example/jwks.json", secret_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd" } # refused: jwt.secret_kms_key_arn goes with secret_arn
}

module "connecting_refused_26" {
  source = "../../../"

  allow_anonymous = false
  # jwt: no signature
  jwt = { jwks_uri = "https://issuer.example/jwks.json", algorithms = ["none"] } # refused: jwt.algorithms must name at
}

module "connecting_refused_27" {
  source = "../../../"

  allow_anonymous = false
  # jwt: no signature
  jwt = { secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push-a1B2c3", algorithms = ["none"] } # refused: jwt.algorithms must name at
}

module "connecting_refused_28" {
  source = "../../../"

  allow_anonymous = false
  # jwt: for a secret
  jwt = { jwks_uri = "https://issuer.example/jwks.json", algorithms = ["RS256", "HS256"] } # refused: jwt.algorithms must name at
}

module "connecting_refused_29" {
  source = "../../../"

  allow_anonymous = false
  # jwt: for an issuer
  jwt = { secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push-a1B2c3", algorithms = ["HS256", "RS256"] } # refused: jwt.algorithms must name at
}

module "connecting_refused_30" {
  source = "../../../"

  allow_anonymous = false
  # jwt: in lower case
  jwt = { jwks_uri = "https://issuer.example/jwks.json", algorithms = ["rs256"] } # refused: jwt.algorithms must name at
}

module "connecting_refused_31" {
  source = "../../../"

  allow_anonymous = false
  # jwt: none at all
  jwt = { jwks_uri = "https://issuer.example/jwks.json", algorithms = [] } # refused: jwt.algorithms must name at
}

module "connecting_refused_32" {
  source = "../../../"

  allow_anonymous = false
  # jwt: empty
  jwt = { jwks_uri = "https://issuer.example/jwks.json", issuer = "" } # refused: jwt.issuer must equal
}

module "connecting_refused_33" {
  source = "../../../"

  allow_anonymous = false
  # jwt: empty
  jwt = { jwks_uri = "https://issuer.example/jwks.json", audience = [""] } # refused: jwt.audience must list non-empty
}

module "connecting_refused_34" {
  source = "../../../"

  allow_anonymous = false
  # jwt: null
  jwt = { jwks_uri = "https://issuer.example/jwks.json", audience = ["a", null] } # refused: jwt.audience must list non-empty
}

module "connecting_refused_35" {
  source = "../../../"

  allow_anonymous = false
  # jwt: more than an environment holds
  jwt = { jwks_uri = "https://issuer.example/jwks.json", audience = [for _ in range(300) : "0123456789"] } # refused: jwt must have at
}

module "connecting_refused_36" {
  source = "../../../"

  allow_anonymous = false
  # jwt: empty
  jwt = { jwks_uri = "https://issuer.example/jwks.json", user_id_claim = "" } # refused: jwt.user_id_claim must be the
}

module "connecting_refused_37" {
  source = "../../../"

  allow_anonymous = false
  # jwt: negative
  jwt = { jwks_uri = "https://issuer.example/jwks.json", leeway = -1 } # refused: jwt.leeway must be a
}

module "connecting_refused_38" {
  source = "../../../"

  allow_anonymous = false
  # jwt: too long
  jwt = { jwks_uri = "https://issuer.example/jwks.json", leeway = 301 } # refused: jwt.leeway must be a
}

module "connecting_refused_39" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a fraction
  jwt = { jwks_uri = "https://issuer.example/jwks.json", leeway = 0.5 } # refused: jwt.leeway must be a
}

module "connecting_refused_40" {
  source = "../../../"

  allow_anonymous = false
  # jwt: too short
  jwt = { jwks_uri = "https://issuer.example/jwks.json", jwks_cache_seconds = 0 } # refused: jwt.jwks_cache_seconds must be a
}

module "connecting_refused_41" {
  source = "../../../"

  allow_anonymous = false
  # jwt: too long
  jwt = { jwks_uri = "https://issuer.example/jwks.json", jwks_cache_seconds = 86401 } # refused: jwt.jwks_cache_seconds must be a
}

module "connecting_refused_42" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a fraction
  jwt = { jwks_uri = "https://issuer.example/jwks.json", jwks_cache_seconds = 1.5 } # refused: jwt.jwks_cache_seconds must be a
}

module "issuers_refused_1" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a use of tokens that is not a login
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", token_use = "refresh" } # refused: jwt.token_use must be "access"
  # allowed_origins: no keyword in capitals
  allowed_origins = ["Self"] # refused: allowed_origins must list origins
}

module "issuers_refused_2" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a kind of token that is not a login
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", typ = "application/Logout+JWT" } # refused: jwt.typ must be the typ
  # allowed_origins: a keyword in quotes
  allowed_origins = ["'self'"] # refused: allowed_origins must list origins
}

module "issuers_refused_3" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a kind of token that is not a login
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", typ = "secevent+jwt" } # refused: jwt.typ must be the typ
}

module "issuers_refused_4" {
  source = "../../../"

  allow_anonymous = false
  # jwt: no kind of token
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", typ = "at jwt" } # refused: jwt.typ must be the typ
}

module "issuers_refused_5" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a second issuer beside any
  jwt = { jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys" }] } # refused: jwt.additional_issuers needs jwt.issuer, and
}

module "issuers_refused_6" {
  source = "../../../"

  allow_anonymous = false
  # jwt: an issuer twice
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "a", jwks_uri = "https://issuer.example/keys" }] } # refused: jwt.additional_issuers needs jwt.issuer, and
}

module "issuers_refused_7" {
  source = "../../../"

  allow_anonymous = false
  # jwt: two more that are one
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys" }, { issuer = "b", jwks_uri = "https://issuer.example/keys" }] } # refused: jwt.additional_issuers needs jwt.issuer, and
}

module "issuers_refused_8" {
  source = "../../../"

  allow_anonymous = false
  # jwt: an issuer without a name
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "", jwks_uri = "https://issuer.example/keys" }] } # refused: jwt.additional_issuers needs jwt.issuer, and
}

module "issuers_refused_9" {
  source = "../../../"

  allow_anonymous = false
  # jwt: an issuer without keys
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b" }] } # refused: jwt needs exactly one source
}

module "issuers_refused_10" {
  source = "../../../"

  allow_anonymous = false
  # jwt: an issuer with keys of two sources
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys", secret_arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/push/jwt" }] } # refused: jwt needs exactly one source
}

module "issuers_refused_11" {
  source = "../../../"

  allow_anonymous = false
  # jwt: keys in the clear
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "http://issuer.example/keys" }] } # refused: jwt.jwks_uri must be an
}

module "issuers_refused_12" {
  source = "../../../"

  allow_anonymous = false
  # jwt: algorithms of other keys
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys", algorithms = ["HS256"] }] } # refused: jwt.algorithms must name at
}

module "issuers_refused_13" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a key for a secret that is not there
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys", secret_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd" }] } # refused: jwt.secret_kms_key_arn goes with secret_arn
}

module "issuers_refused_14" {
  source = "../../../"

  allow_anonymous = false
  # jwt: an audience without a name
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys", audience = [""] }] } # refused: jwt.audience must list non-empty
}

module "issuers_refused_15" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a user without a claim
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys", user_id_claim = "" }] } # refused: jwt.user_id_claim must be the
}

module "issuers_refused_16" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a use of tokens that is not a login
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys", token_use = "refresh" }] } # refused: jwt.token_use must be "access"
}

module "issuers_refused_17" {
  source = "../../../"

  allow_anonymous = false
  # jwt: a kind of token that is not a login
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://issuer.example/keys", typ = "logout+jwt" }] } # refused: jwt.typ must be the typ
}

module "issuers_refused_18" {
  source = "../../../"

  allow_anonymous = false
  # jwt: no secret
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [{ issuer = "b", secret_arn = "secret" }] } # refused: jwt.secret_arn must be the
}

module "issuers_refused_19" {
  source = "../../../"

  allow_anonymous = false
  # jwt: null
  jwt = { issuer = "a", jwks_uri = "https://issuer.example/keys", additional_issuers = [null] } # refused: jwt needs exactly one source
}

module "a_port_above_the_highest" {
  source = "../../../"

  allow_anonymous = true
  allowed_origins = ["http://localhost:65536"] # refused: A port in allowed_origins
}

module "a_key_sets_port_above_the_highest" {
  source = "../../../"

  allow_anonymous = false
  jwt             = { jwks_uri = "https://issuer.example:65536/jwks.json" } # refused: The port in jwt.jwks_uri
}

module "an_authorizer_of_another_region" {
  source = "../../../"

  allow_anonymous = false
  authorizer      = { function_name = "mine", function_arn = "arn:aws:lambda:us-east-1:123456789012:function:mine" } # refused: authorizer.function_arn is in another
}

module "a_key_of_another_region_than_the_secret" {
  source = "../../../"

  allow_anonymous = false
  jwt = { # refused: jwt.secret_kms_key_arn is in another
    secret_arn         = "arn:aws:ssm:us-east-1:123456789012:parameter/push"
    secret_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }
}

module "a_claim_for_topics_without_topics" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = false
  jwt             = { jwks_uri = "https://issuer.example/jwks.json", topics_claim = "scope" } # refused: jwt.topics_claim says which topics
}

module "a_claim_for_topics_of_another_issuer_without_topics" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = false
  jwt = { # refused: jwt.topics_claim says which topics
    issuer             = "https://issuer.example"
    jwks_uri           = "https://issuer.example/jwks.json"
    additional_issuers = [{ issuer = "https://issuer.example/v2", jwks_uri = "https://issuer.example/v2/jwks.json", topics_claim = "scope" }]
  }
}

module "a_claim_without_a_name" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = false
  topics          = {}
  jwt             = { jwks_uri = "https://issuer.example/jwks.json", topics_claim = "" } # refused: jwt.topics_claim must be the
}

module "an_authorizer_alone" {
  source    = "../../../"
  providers = { aws = aws.us_gov_west_1 }

  allow_anonymous = false
  authorizer      = { function_name = "mine", function_arn = "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:mine" }
}

module "tokens_alone" {
  source = "../../../"

  allow_anonymous = false
  jwt             = { jwks_uri = "https://issuer.example/jwks.json" }
}

module "an_issuer_on_this_machine" {
  source = "../../../"

  allow_anonymous = false
  jwt             = { jwks_uri = "http://localhost:8080/.well-known/jwks.json", allow_insecure_loopback = true }
}

module "an_issuer_on_this_machine_by_address" {
  source = "../../../"

  allow_anonymous = false
  jwt             = { jwks_uri = "http://127.0.0.1/jwks.json", allow_insecure_loopback = true }
}

module "a_secret" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  allow_anonymous = false
  jwt = {
    secret_arn         = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:team/push_jwt+@.=-a1B2c3"
    secret_kms_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"
    algorithms         = ["HS256", "HS384", "HS512"]
  }
}

module "a_parameter" {
  source    = "../../../"
  providers = { aws = aws.us_gov_west_1 }

  allow_anonymous = false
  jwt             = { secret_arn = "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/team/push-jwt_1.0" }
}

module "the_highest_port" {
  source = "../../../"

  allow_anonymous = true
  allowed_origins = ["http://localhost:65535", "http://[::1]:65535"]
}

module "a_secret_of_another_region" {
  source = "../../../"

  allow_anonymous = false
  jwt             = { secret_arn = "arn:aws:ssm:us-east-1:123456789012:parameter/push" }
}

module "a_secret_of_another_region_with_its_key" {
  source = "../../../"

  allow_anonymous = false
  jwt = {
    secret_arn         = "arn:aws:ssm:us-east-1:123456789012:parameter/push"
    secret_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }
}

module "an_authorizer_of_another_partition" {
  source = "../../../"

  authorizer = { function_name = "mine", function_arn = "arn:aws-cn:lambda:eu-central-1:123456789012:function:mine" } # refused: authorizer.function_arn is in another
}

module "a_secret_of_another_partition" {
  source = "../../../"

  jwt = { secret_arn = "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/push" } # refused: An ARN in jwt is in another partition
}

module "a_key_of_another_partition_than_the_secret" {
  source = "../../../"

  jwt = { secret_arn = "arn:aws:ssm:us-east-1:123456789012:parameter/push", secret_kms_key_arn = "arn:aws-us-gov:kms:us-east-1:123456789012:key/1234" } # refused: An ARN in jwt is in another partition
}

module "a_secret_of_another_issuer_of_another_partition" {
  source    = "../../../"
  providers = { aws = aws.cn_north_1 }

  jwt = { issuer = "a", jwks_uri = "https://a.example/keys", additional_issuers = [{ issuer = "b", secret_arn = "arn:aws:ssm:us-east-1:123456789012:parameter/push" }] } # refused: An ARN in jwt is in another partition
}

module "a_secret_of_govcloud_there" {
  source    = "../../../"
  providers = { aws = aws.us_gov_west_1 }

  jwt = { secret_arn = "arn:aws-us-gov:ssm:us-gov-east-1:123456789012:parameter/push" }
}

module "a_port_of_six_digits" {
  source = "../../../"

  jwt = { jwks_uri = "https://issuer.example:100000/jwks.json" } # refused: jwt.jwks_uri must be an https
}

module "an_ipv6_port_above_the_highest" {
  source = "../../../"

  jwt = { jwks_uri = "https://[2001:db8::1]:65536/jwks.json" } # refused: The port in jwt.jwks_uri
}

module "a_port_above_the_highest_of_another_issuer" {
  source = "../../../"

  jwt = { issuer = "a", jwks_uri = "https://a.example/keys", additional_issuers = [{ issuer = "b", jwks_uri = "https://b.example:70000" }] } # refused: The port in jwt.jwks_uri
}

module "an_ipv6_origins_port_above_the_highest" {
  source = "../../../"

  allow_anonymous = true
  allowed_origins = ["http://[::1]:65536"] # refused: A port in allowed_origins
}
