"""What the computing operator should do about a failing workflow: classes of messages, prediction, decisions."""
