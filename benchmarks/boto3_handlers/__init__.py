"""The functions of this project as one would write them on boto3."""
