// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.top;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.transferengine.diagnostics.EngineCounters;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.metrics.PeerSnapshot;
import io.transferengine.topology.RailCounters;
import java.io.IOException;
import java.io.StringWriter;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * A look as JSON, in one line: {@code {"time": ..., "engines": [...], "rails": [...]}}. Counters,
 * gauges and causes have the names that they have in Java. Figures {@code _per_s} are there if two
 * looks were taken.
 */
final class TopJson {
  private static final double MEDIAN = 50;
  private static final double HIGH = 99;

  private TopJson() {}

  static String of(List<Sample> samples, List<Rail> rails, List<String> problems, Instant at)
      throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.writeStartObject();
      json.writeStringField("time", at.toString());
      json.writeArrayFieldStart("engines");
      for (Sample sample : samples.stream().sorted(Order.RATE.engines()).toList()) {
        write(json, sample);
      }
      json.writeEndArray();
      json.writeArrayFieldStart("rails");
      for (Rail each : rails) {
        write(json, each);
      }
      json.writeEndArray();
      json.writeArrayFieldStart("unreadable");
      for (String each : problems) {
        json.writeString(each);
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    return text.toString();
  }

  private static void write(JsonGenerator json, Sample sample) throws IOException {
    EngineCounters now = sample.now();
    MetricsSnapshot figures = now.metrics();
    json.writeStartObject();
    json.writeStringField("file", now.file().toString());
    json.writeNumberField("pid", now.pid());
    json.writeStringField("process", now.state().name());
    json.writeStringField("segment", now.segmentName());
    json.writeArrayFieldStart("transports");
    for (String each : now.transports()) {
      json.writeString(each);
    }
    json.writeEndArray();
    json.writeStringField("opened", now.opened().toString());
    json.writeStringField("written", now.written().toString());
    if (sample.before().isPresent()) {
      json.writeNumberField("interval_s", sample.seconds());
      rate(json, "read_bytes_per_s", sample, Counter.BYTES_READ);
      rate(json, "written_bytes_per_s", sample, Counter.BYTES_WRITTEN);
      rate(json, "inbound_read_bytes_per_s", sample, Counter.INBOUND_BYTES_READ);
      rate(json, "inbound_written_bytes_per_s", sample, Counter.INBOUND_BYTES_WRITTEN);
      rate(json, "device_read_bytes_per_s", sample, Counter.DEVICE_BYTES_READ);
      rate(json, "device_written_bytes_per_s", sample, Counter.DEVICE_BYTES_WRITTEN);
      rate(json, "inbound_device_read_bytes_per_s", sample, Counter.INBOUND_DEVICE_BYTES_READ);
      rate(
          json, "inbound_device_written_bytes_per_s", sample, Counter.INBOUND_DEVICE_BYTES_WRITTEN);
      rate(json, "transfers_per_s", sample, Counter.TRANSFERS_COMPLETED);
    }
    json.writeNumberField("p50_us", sample.latency().percentileMicros(MEDIAN));
    json.writeNumberField("p99_us", sample.latency().percentileMicros(HIGH));
    numbers(json, "counters", figures.counters());
    numbers(json, "gauges", figures.gauges());
    numbers(json, "failures", figures.failures());
    json.writeObjectFieldStart("peers");
    for (Map.Entry<String, PeerSnapshot> each : figures.peers().entrySet()) {
      json.writeObjectFieldStart(each.getKey());
      json.writeNumberField("bytes_read", each.getValue().bytesRead());
      json.writeNumberField("bytes_written", each.getValue().bytesWritten());
      json.writeNumberField("transfers_completed", each.getValue().transfersCompleted());
      json.writeNumberField("transfers_failed", each.getValue().transfersFailed());
      json.writeEndObject();
    }
    json.writeEndObject();
    json.writeNumberField("peers_omitted", now.peersOmitted());
    json.writeEndObject();
  }

  /** As the kernel names and counts them: data in words of four bytes. */
  private static void write(JsonGenerator json, Rail rail) throws IOException {
    json.writeStartObject();
    json.writeStringField("device", rail.now().device());
    json.writeNumberField("port", rail.now().port());
    json.writeStringField("state", rail.now().state());
    if (rail.before().isPresent()) {
      json.writeNumberField("interval_s", rail.seconds());
      rate(json, "received_bytes_per_s", rail.perSecond(RailCounters::bytesReceived));
      rate(json, "sent_bytes_per_s", rail.perSecond(RailCounters::bytesSent));
      rate(json, "received_packets_per_s", rail.perSecond(RailCounters::packetsReceived));
      rate(json, "sent_packets_per_s", rail.perSecond(RailCounters::packetsSent));
    }
    json.writeObjectFieldStart("counters");
    for (Map.Entry<String, Long> each : rail.now().counters().entrySet()) {
      json.writeNumberField(each.getKey(), each.getValue());
    }
    json.writeEndObject();
    json.writeEndObject();
  }

  private static void rate(JsonGenerator json, String name, OptionalDouble rate)
      throws IOException {
    if (rate.isPresent()) {
      json.writeNumberField(name, rate.getAsDouble());
    }
  }

  private static void rate(JsonGenerator json, String name, Sample sample, Counter counter)
      throws IOException {
    json.writeNumberField(name, sample.perSecond(counter));
  }

  private static <E extends Enum<E>> void numbers(
      JsonGenerator json, String name, Map<E, Long> numbers) throws IOException {
    json.writeObjectFieldStart(name);
    for (Map.Entry<E, Long> each : numbers.entrySet()) {
      json.writeNumberField(each.getKey().name(), each.getValue());
    }
    json.writeEndObject();
  }
}
