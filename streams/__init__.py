"""Transport: records, codecs, Kafka, the embedded broker, file readers, replay and the loop."""
