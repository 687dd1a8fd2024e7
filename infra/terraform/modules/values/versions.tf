# Without a provider, so that `terraform test` runs where no provider can be downloaded.
terraform {
  required_version = ">= 1.11, < 2.0"
}
