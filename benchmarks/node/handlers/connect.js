// The $connect route on the AWS SDK for JavaScript v3.
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";

const dynamodb = new DynamoDBClient({});

export async function handler({ requestContext: { connectionId, authorizer } }) {
  const now = Date.now();
  const expiresAt = Math.min(Math.floor(now / 1000) + 7260, Number(authorizer.expiresAt));
  await dynamodb.send(
    new PutItemCommand({
      TableName: process.env.CLIENTS_TABLE,
      Item: {
        connectionId: { S: connectionId },
        userId: { S: authorizer.userId },
        connectedAt: { N: String(now) },
        expiresAt: { N: String(expiresAt) },
      },
    }),
  );
  return { statusCode: 200 };
}
