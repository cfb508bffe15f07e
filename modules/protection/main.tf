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

# The same for the table of subscriptions, which goes with topics: DynamoDB would refuse to delete it when the functions and
# queues of topics are gone already.
resource "terraform_data" "topics" {
  count = var.topics ? 1 : 0

  input = var.enabled

  provisioner "local-exec" {
    when    = destroy
    quiet   = true
    command = self.output ? "echo deletion_protection is on and protects the table of subscriptions: set it to false and apply before topics is removed. Nothing of topics was destroyed. && exit 1" : "exit 0"
  }
}
