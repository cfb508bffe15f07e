"""The proof on an AWS account: `verify` applies, tries and destroys; `doctor` looks at a deployment in use."""
