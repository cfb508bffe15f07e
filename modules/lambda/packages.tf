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

  # The manifest that build_package.py also makes and compares: one line for each file, as sha256sum prints it.
  manifests = {
    for key in keys(local.functions) : key => join("", concat(
      ["format ${local.package_format}\n"],
      [for source in sort(local.package_contents[key].sources) : "${filesha256("${local.sources_directory}/${source}")}  ${source}\n"],
    ))
  }

  packages = {
    for key, manifest in local.manifests : key => {
      filename    = "${local.packages_directory}/${key}-${substr(sha256(manifest), 0, 32)}.zip"
      handler     = local.package_contents[key].handler
      digest      = sha256(manifest)
      source_hash = base64sha256(manifest)
    }
  }
}

resource "terraform_data" "package" {
  for_each = local.packages

  # Whatever makes the provider read the zip again builds it again: another content, place or architecture (the code is
  # updated), another name (the function is replaced), another role (everything is created anew, in another account or
  # Region perhaps). One case is left that no plan can tell from a clean one: see "When a zip is missing" in README.md.
  triggers_replace = {
    architecture  = local.settings[each.key].architecture
    filename      = each.value.filename
    function_name = local.function_names[each.key]
    role_id       = aws_iam_role.this[each.key].unique_id
    runtime       = local.settings[each.key].runtime
    source_hash   = each.value.source_hash
  }

  provisioner "local-exec" {
    interpreter = ["/bin/sh", "-c"]
    quiet       = true
    environment = {
      BUILDER  = local.builder
      DIGEST   = each.value.digest
      FUNCTION = each.key
      PACKAGE  = each.value.filename
      SOURCES  = local.sources_directory
    }
    command = <<-EOT
      command -v python3 >/dev/null 2>&1 || {
        echo "Cannot build the package of the $FUNCTION function: python3 is not on the PATH. Install Python 3.9 or newer on the machine that runs terraform apply, and apply again." >&2
        exit 1
      }
      exec python3 "$BUILDER" --function "$FUNCTION" --sources "$SOURCES" --output "$PACKAGE" --digest "$DIGEST"
    EOT
  }
}
