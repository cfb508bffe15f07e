// The $disconnect route on the AWS SDK for JavaScript v3.
import { DeleteItemCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";

const dynamodb = new DynamoDBClient({});

export async function handler({ requestContext: { connectionId } }) {
  await dynamodb.send(
    new DeleteItemCommand({ TableName: process.env.CLIENTS_TABLE, Key: { connectionId: { S: connectionId } } }),
  );
  return { statusCode: 200 };
}
