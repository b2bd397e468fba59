import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Joins a group until it is killed: the topic, then the consumer's properties as key=value. */
class StaticMember {
  public static void main(String[] args) {
    Properties properties = new Properties();
    for (String argument : List.of(args).subList(1, args.length)) {
      String[] pair = argument.split("=", 2);
      properties.put(pair[0], pair[1]);
    }
    ByteArrayDeserializer bytes = new ByteArrayDeserializer();
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties, bytes, bytes)) {
      consumer.subscribe(List.of(args[0]));
      while (true) consumer.poll(Duration.ofMillis(200));
    }
  }
}
