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

  # What is built here; the caller brings the other packages.
  built = setsubtract(local.function_keys, keys(var.packages))

  # A file that locks libraries is part of a package like a source; and libraries are for one Python on one architecture.
  requirements = { for key in local.built : key => try(local.package_contents[key].requirements, null) }

  # The manifest that build_package.py also makes and compares: one line for each file, as sha256sum prints it.
  manifests = {
    for key in local.built : key => join("", concat(
      ["format ${local.package_format}\n"],
      local.requirements[key] == null ? [] : ["for ${local.settings[key].runtime} on ${local.settings[key].architecture}\n"],
      [
        for file in sort(concat(local.package_contents[key].sources, local.requirements[key][*])) :
        "${filesha256("${local.sources_directory}/${file}")}  ${file}\n"
      ],
    ))
  }

  built_packages = {
    for key, manifest in local.manifests : key => {
      filename          = "${local.packages_directory}/${key}-${substr(sha256(manifest), 0, 32)}.zip"
      s3_bucket         = null
      s3_key            = null
      s3_object_version = null
      source_hash       = base64sha256(manifest)
    }
  }

  prebuilt_packages = {
    for key, package in var.packages : key => {
      filename          = package.filename
      s3_bucket         = package.s3_bucket
      s3_key            = package.s3_key
      s3_object_version = package.s3_object_version
      source_hash       = package.source_code_hash != null || package.filename == null ? package.source_code_hash : filebase64sha256(package.filename)
    } if contains(local.function_keys, key)
  }

  packages = merge(local.built_packages, local.prebuilt_packages)
}

resource "terraform_data" "package" {
  for_each = local.built_packages

  # Whatever makes the provider read the zip again builds it again: another content, place or architecture (the code is
  # updated), another name (the function is replaced), another role (everything is created anew, in another account or
  # Region perhaps). One case is left that no plan can tell from a clean one: see "When a zip is missing" in README.md.
  triggers_replace = {
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
      FUNCTION     = each.key
      PACKAGE      = each.value.filename
      RUNTIME      = local.settings[each.key].runtime
      SOURCES      = local.sources_directory
    }
    command = <<-EOT
      command -v python3 >/dev/null 2>&1 || {
        echo "Cannot build the package of the $FUNCTION function: python3 is not on the PATH. Install Python 3.9 or newer on the machine that runs terraform apply, or build the package elsewhere and name it in the input packages." >&2
        exit 1
      }
      exec python3 "$BUILDER" --function "$FUNCTION" --sources "$SOURCES" --output "$PACKAGE" --digest "$DIGEST" --runtime "$RUNTIME" --architecture "$ARCHITECTURE"
    EOT
  }
}
