# The root makes it depend on everything else, so it is destroyed first: while the tables are protected, a destroy fails
# here, before anything is deleted.
resource "terraform_data" "this" {
  input = var.enabled

  provisioner "local-exec" {
    when    = destroy
    quiet   = true
    command = self.output ? "echo deletion_protection is on: set it to false and apply before terraform destroy. Nothing was destroyed. && exit 1" : "exit 0"
  }
}
