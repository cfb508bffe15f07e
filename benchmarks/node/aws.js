// The steps of a push on the AWS SDK for JavaScript v3.
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { randomBytes } from "node:crypto";
import {
  ApiGatewayManagementApiClient,
  GoneException,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { DynamoDBClient, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { NodeHttpHandler } from "@smithy/node-http-handler";

export class SdkPush {
  constructor(content, sockets) {
    this.content = content;
    const options = { keepAlive: true, maxSockets: sockets };
    const handler = () =>
      new NodeHttpHandler({
        httpAgent: new HttpAgent(options),
        httpsAgent: new HttpsAgent(options),
        // 10,000 posts at once wait for a socket by design; the SDK would warn of it.
        socketAcquisitionWarningTimeout: 600_000,
      });
    this.dynamodb = new DynamoDBClient({ requestHandler: handler() });
    this.management = new ApiGatewayManagementApiClient({
      endpoint: process.env.CONNECTIONS_URL,
      requestHandler: handler(),
    });
  }

  async push(users) {
    const now = Date.now();
    const notification = {
      id: identifier(now),
      createdAt: new Date(now).toISOString(),
      expiresAt: Math.floor(now / 1000) + Number(process.env.NOTIFICATION_TTL),
    };
    const { id, createdAt } = notification;
    const frame = Buffer.from(
      JSON.stringify({ type: "notification", id, createdAt, content: JSON.parse(this.content) }),
    );
    const delivered = await Promise.all(users.map((userId) => this.reach(notification, frame, userId)));
    return delivered.reduce((sum, count) => sum + count, 0);
  }

  async reach(notification, frame, userId) {
    const [found] = await Promise.all([this.lookUp(userId), this.store(notification, userId)]);
    const posted = await Promise.all(found.map((connectionId) => this.post(connectionId, frame)));
    return posted.filter(Boolean).length;
  }

  async store({ id, createdAt, expiresAt }, userId) {
    await this.dynamodb.send(
      new PutItemCommand({
        TableName: process.env.NOTIFICATIONS_TABLE,
        Item: {
          userId: { S: userId },
          notificationId: { S: id },
          content: { S: this.content },
          createdAt: { S: createdAt },
          expiresAt: { N: String(expiresAt) },
        },
      }),
    );
  }

  async lookUp(userId) {
    const found = [];
    const now = Date.now() / 1000;
    let start;
    do {
      const page = await this.dynamodb.send(
        new QueryCommand({
          TableName: process.env.CLIENTS_TABLE,
          IndexName: process.env.CLIENTS_INDEX,
          KeyConditionExpression: "userId = :userId",
          ExpressionAttributeValues: { ":userId": { S: userId } },
          ExclusiveStartKey: start,
        }),
      );
      for (const item of page.Items) {
        if (Number(item.expiresAt.N) > now) {
          found.push(item.connectionId.S);
        }
      }
      start = page.LastEvaluatedKey;
    } while (start);
    return found;
  }

  async post(connectionId, frame) {
    try {
      await this.management.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: frame }));
      return true;
    } catch (error) {
      if (error instanceof GoneException) {
        return false;
      }
      throw error;
    }
  }
}

// A UUIDv7 (RFC 9562, section 5.7).
function identifier(milliseconds) {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(milliseconds, 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
