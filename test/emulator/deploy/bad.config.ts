export default { regoin: 'us-east-1', region: 'us-east-1' };
