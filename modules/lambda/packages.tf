# A package is one function's zip. It is built while Terraform applies and named after what it holds; what identifies it
# to Lambda is a hash of the sources, which is known at plan time. So a plan needs neither the zip nor Python, and the
# same sources give the same plan on any machine.
locals {
  # Relative to the folder that Terraform runs in, wherever the module came from: nothing in the state changes when the
  # checkout moves. Beside the providers and modules that terraform init puts there, and as dispensable as they are.
  packages_directory = "${path.root}/.terraform/websocket-push"

  # path.module is absolute under some layouts, so it appears in what builds a package and never in the state.
  builder           = "${path.module}/build_package.py"
  sources_directory = "${path.module}/../../lambda"

  # Part of every hash, so that a builder which lays a zip out differently also updates the functions.
  package_format = one(regex("(?m)^PACKAGE_FORMAT = ([0-9]+)$", file(local.builder)))

  package_contents = jsondecode(file("${local.sources_directory}/packages.json"))

  # What optional inputs add to the push function is in a package of its own, so that without them it is no larger.
  extends_push = length(setintersection(local.function_keys, ["events", "fanout", "mark"])) > 0 || local.limits_messages
  package_keys = { for key in local.function_keys : key => key == "push" && local.extends_push ? "push_extended" : key }

  # The caller brings some packages, or all that a release has, and the others are built here.
  described  = setsubtract(local.function_keys, nonsensitive(keys(var.packages)))
  has_folder = nonsensitive(can(length([trimspace(var.packages_folder)])))
  built      = local.has_folder ? [] : local.described
  released   = local.has_folder ? local.described : []

  # A file that locks libraries is part of a package like a source; and libraries are for one Python on one architecture.
  requirements = { for key in local.described : key => try(local.package_contents[local.package_keys[key]].requirements, null) }

  # The manifest that build_package.py also makes and compares: one line for each file, as sha256sum prints it.
  manifests = {
    for key in local.described : key => join("", concat(
      ["format ${local.package_format}\n"],
      local.requirements[key] == null ? [] : ["for ${local.settings[key].runtime} on ${local.settings[key].architecture}\n"],
      [
        for file in sort(concat(local.package_contents[local.package_keys[key]].sources, local.requirements[key][*])) :
        "${filesha256("${local.sources_directory}/${file}")}  ${file}\n"
      ],
    ))
  }

  built_packages = {
    for key in local.built : key => {
      filename          = "${local.packages_directory}/${key}-${substr(sha256(local.manifests[key]), 0, 32)}.zip"
      s3_bucket         = null
      s3_key            = null
      s3_object_version = null
      source_hash       = base64sha256(local.manifests[key])
    }
  }

  # A release's folder says of each zip what it must hash to, and what the sources that it was made of hash to: that is what
  # identifies it here too, so a function does not change with where its package comes from.
  release = try({
    for zip in jsondecode(file("${var.packages_folder}/packages.json")) :
    zip.file => { sha256 = zip.sha256, sources_hash = zip.sources_hash }
  }, {})
  release_names = {
    for key in local.released : key => (
      local.requirements[key] == null ? "${local.package_keys[key]}.zip" : "${key}-${local.settings[key].runtime}-${local.settings[key].architecture}.zip"
    )
  }
  released_packages = {
    for key, name in local.release_names : key => {
      filename          = "${var.packages_folder}/${name}"
      s3_bucket         = null
      s3_key            = null
      s3_object_version = null
      source_hash       = base64sha256(local.manifests[key])
    }
  }

  # Why a release's zip cannot be used; empty where it can.
  release_faults = {
    for key, name in local.release_names : key => (
      (!try(fileexists("${var.packages_folder}/${name}"), false) || !contains(keys(local.release), name))
      ? "${var.packages_folder} has no ${name}, or no packages.json that lists it: put all files of the release there"
      : (
        filesha256("${var.packages_folder}/${name}") != local.release[name].sha256
        ? "${var.packages_folder}/${name} is not the file of the release: its SHA-256 differs from that in packages.json. Download it again"
        : (
          local.release[name].sources_hash != base64sha256(local.manifests[key])
          ? "${var.packages_folder} holds the packages of another version than this module's. Use those of the same release"
          : ""
        )
      )
    )
  }

  prebuilt_packages = {
    for key, package in var.packages : key => {
      filename          = package.filename
      s3_bucket         = package.s3_bucket
      s3_key            = package.s3_key
      s3_object_version = package.s3_object_version
      source_hash       = package.source_code_hash != null || package.filename == null ? package.source_code_hash : try(filebase64sha256(package.filename), null)
    } if contains(local.function_keys, key)
  }

  # A zip that is known by its hash may be missing until apply; one that is not is read by the plan.
  is_readable = {
    for key, package in var.packages :
    key => package.source_code_hash != null || package.filename == null ? true : try(fileexists(package.filename), false)
  }

  packages = merge(local.built_packages, local.released_packages, local.prebuilt_packages)
}

# An apply may be interrupted when a package is built and its function not yet deployed, and the next one may run where the
# zip is not: nothing in the state would have it built again, because a package cannot depend on what comes after it. So a
# tag on the clients table notes which packages are deployed. It is removed before functions change and written after them,
# and read when the table is refreshed.
locals {
  python_check = <<-EOT
    command -v python3 >/dev/null 2>&1 || {
      echo "Cannot build the functions' packages: python3 is not on the PATH. Install Python 3.9 or newer on the machine that runs terraform apply, or use the packages of a release (input packages_folder)." >&2
      exit 1
    }
  EOT

  package_marks = {
    for key in local.built : key => substr(sha256(jsonencode([
      local.settings[key].architecture, local.settings[key].runtime, var.function_names[key], local.packages[key].source_hash,
    ])), 0, 8)
  }
}

resource "aws_dynamodb_tag" "deployed" {
  count = length(local.built) > 0 ? 1 : 0 # The keys of packages must be known when planning.

  resource_arn = var.tables.clients_table_arn
  key          = "websocket-push:deployed"
  value        = join(" ", sort(values(local.package_marks)))

  depends_on = [aws_lambda_function.this]

  lifecycle {
    replace_triggered_by = [aws_lambda_function.this]
  }
}

# Asked before the first apply makes anything of this module, not when half of it exists.
resource "terraform_data" "python" {
  count = length(local.built) > 0 ? 1 : 0

  provisioner "local-exec" {
    interpreter = ["/bin/sh", "-c"]
    quiet       = true
    command     = local.python_check
  }
}

resource "terraform_data" "package" {
  for_each = local.built_packages # The keys of packages must be known when planning.

  # Whatever makes the provider read the zip again builds it again: another content, place or architecture (the code is
  # updated), another name (the function is replaced), another role (everything is created again, in another account or
  # Region perhaps), and a function that does not have the package yet. For that the time is not known when planning, and
  # nothing of it is kept.
  triggers_replace = {
    deployed      = contains(split(" ", var.deployed_packages), local.package_marks[each.key]) ? "" : substr(timestamp(), 0, 0)
    architecture  = local.settings[each.key].architecture
    filename      = each.value.filename
    function_name = var.function_names[each.key]
    role_id       = aws_iam_role.this[each.key].unique_id
    runtime       = local.settings[each.key].runtime
    source_hash   = each.value.source_hash
  }

  provisioner "local-exec" {
    interpreter = ["/bin/sh", "-c"]
    quiet       = true
    environment = {
      ARCHITECTURE = local.settings[each.key].architecture
      BUILDER      = local.builder
      DIGEST       = sha256(local.manifests[each.key])
      FUNCTION     = local.package_keys[each.key]
      PACKAGE      = each.value.filename
      RUNTIME      = local.settings[each.key].runtime
      SOURCES      = local.sources_directory
    }
    command = <<-EOT
      ${local.python_check}
      exec python3 "$BUILDER" --function "$FUNCTION" --sources "$SOURCES" --output "$PACKAGE" --digest "$DIGEST" --runtime "$RUNTIME" --architecture "$ARCHITECTURE"
    EOT
  }
}
