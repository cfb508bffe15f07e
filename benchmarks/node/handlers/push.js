// The push function on the AWS SDK for JavaScript v3, with Promise.all.
import { randomUUID } from "node:crypto";
import {
  ApiGatewayManagementApiClient,
  GoneException,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { DeleteItemCommand, DynamoDBClient, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";

const dynamodb = new DynamoDBClient({});
const management = new ApiGatewayManagementApiClient({ endpoint: process.env.CONNECTIONS_URL });

export async function handler({ userId, content }) {
  const now = Date.now();
  const notification = { type: "notification", id: randomUUID(), createdAt: new Date(now).toISOString(), content };
  const [found] = await Promise.all([connectionsOf(userId), store(userId, notification, now)]);
  const frame = Buffer.from(JSON.stringify(notification));
  const delivered = await Promise.all(found.map((connectionId) => post(connectionId, frame)));
  return {
    id: notification.id,
    createdAt: notification.createdAt,
    totals: { recipients: 1, connections: found.length, delivered: delivered.filter(Boolean).length },
  };
}

async function store(userId, { id, createdAt, content }, now) {
  await dynamodb.send(
    new PutItemCommand({
      TableName: process.env.NOTIFICATIONS_TABLE,
      Item: {
        userId: { S: userId },
        notificationId: { S: id },
        content: { S: JSON.stringify(content) },
        createdAt: { S: createdAt },
        expiresAt: { N: String(Math.floor(now / 1000) + Number(process.env.NOTIFICATION_TTL)) },
      },
    }),
  );
}

async function connectionsOf(userId) {
  const found = [];
  let start;
  do {
    const page = await dynamodb.send(
      new QueryCommand({
        TableName: process.env.CLIENTS_TABLE,
        IndexName: process.env.CLIENTS_INDEX,
        KeyConditionExpression: "userId = :userId",
        ExpressionAttributeValues: { ":userId": { S: userId } },
        ExclusiveStartKey: start,
      }),
    );
    found.push(...page.Items.map((item) => item.connectionId.S));
    start = page.LastEvaluatedKey;
  } while (start);
  return found;
}

async function post(connectionId, frame) {
  try {
    await management.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: frame }));
    return true;
  } catch (error) {
    if (!(error instanceof GoneException)) {
      throw error;
    }
    await dynamodb.send(
      new DeleteItemCommand({ TableName: process.env.CLIENTS_TABLE, Key: { connectionId: { S: connectionId } } }),
    );
    return false;
  }
}
