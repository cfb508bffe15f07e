// The poll route on the AWS SDK for JavaScript v3: the newest page of a user's history.
import { DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";

const dynamodb = new DynamoDBClient({});

export async function handler({ body, requestContext: { authorizer } }) {
  const page = await dynamodb.send(
    new QueryCommand({
      TableName: process.env.NOTIFICATIONS_TABLE,
      KeyConditionExpression: "userId = :userId",
      FilterExpression: "expiresAt > :now",
      ProjectionExpression: "notificationId, createdAt, content",
      ExpressionAttributeValues: {
        ":userId": { S: authorizer.userId },
        ":now": { N: String(Math.floor(Date.now() / 1000)) },
      },
      ScanIndexForward: false,
      ConsistentRead: true,
      Limit: JSON.parse(body).limit ?? 50,
    }),
  );
  const notifications = page.Items.reverse().map((item) => ({
    id: item.notificationId.S,
    createdAt: item.createdAt.S,
    content: JSON.parse(item.content.S),
  }));
  const frame = { type: "history", notifications, more: page.LastEvaluatedKey !== undefined };
  return { statusCode: 200, body: JSON.stringify(frame) };
}
