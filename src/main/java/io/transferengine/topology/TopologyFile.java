// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.transferengine.transfer.ConfigurationException;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads and writes the priority matrix as JSON. */
final class TopologyFile {
  private static final String VARIABLE = "MC_CUSTOM_TOPO_JSON";

  /** Thousands of devices need less; a wrong file is not read to its end. */
  private static final int SIZE_LIMIT_BYTES = 1 << 20;

  private static final String EXPECTED =
      "a JSON file of at most 1 MiB such as"
          + " {\"cpu:0\":[[\"mlx5_0\"],[\"mlx5_1\"]]}: per kind of memory one array of preferred"
          + " and one of other device names";

  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private final Path file;
  private final JsonParser parser;

  private TopologyFile(Path file, JsonParser parser) {
    this.file = file;
    this.parser = parser;
  }

  static Map<String, DevicePreference> read(Path file) {
    String text = text(file);
    try (JsonParser parser = JSON.createParser(text)) {
      return new TopologyFile(file, parser).matrix();
    } catch (JsonProcessingException malformed) {
      // The original message only: the full one repeats the file's content.
      String where =
          malformed.getLocation() == null ? "" : " in line " + malformed.getLocation().getLineNr();
      throw wrong(
          file, "it is malformed JSON" + where + ": " + malformed.getOriginalMessage(), malformed);
    } catch (IOException unreadable) {
      throw wrong(file, "it cannot be read: " + unreadable.getMessage(), unreadable);
    }
  }

  static String write(Map<String, DevicePreference> matrix) {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartObject();
      for (Map.Entry<String, DevicePreference> entry : matrix.entrySet()) {
        json.writeArrayFieldStart(entry.getKey());
        writeNames(json, entry.getValue().preferred());
        writeNames(json, entry.getValue().available());
        json.writeEndArray();
      }
      json.writeEndObject();
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible); // a StringWriter does not fail
    }
    return text.toString();
  }

  private static void writeNames(JsonGenerator json, List<String> names) throws IOException {
    json.writeStartArray();
    for (String name : names) {
      json.writeString(name);
    }
    json.writeEndArray();
  }

  private static String text(Path file) {
    // Before it is opened: opening a FIFO would wait for a writer, and a device may have no end.
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw wrong(file, "it is not a regular file");
    }
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(SIZE_LIMIT_BYTES + 1);
    } catch (NoSuchFileException absent) {
      throw wrong(file, "there is no such file", absent);
    } catch (IOException unreadable) {
      throw wrong(file, "it cannot be read (" + unreadable + ")", unreadable);
    }
    if (bytes.length > SIZE_LIMIT_BYTES) {
      throw wrong(file, "it is larger than " + SIZE_LIMIT_BYTES + " bytes");
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException notText) {
      throw wrong(file, "it is not UTF-8 text", notText);
    }
  }

  private Map<String, DevicePreference> matrix() throws IOException {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      throw shape("the outermost value is not an object");
    }
    Map<String, DevicePreference> matrix = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String kind = parser.currentName();
      matrix.put(kind, devices(kind));
    }
    if (parser.nextToken() != null) {
      throw shape("something follows the object");
    }
    return matrix;
  }

  private DevicePreference devices(String kind) throws IOException {
    String place = "the value of \"" + kind + "\"";
    if (parser.nextToken() != JsonToken.START_ARRAY) {
      throw shape(place + " is not an array");
    }
    List<String> preferred = names(place);
    List<String> available = names(place);
    if (parser.nextToken() != JsonToken.END_ARRAY) {
      throw shape(place + " has more than two elements");
    }
    return new DevicePreference(preferred, available);
  }

  private List<String> names(String place) throws IOException {
    JsonToken first = parser.nextToken();
    if (first == JsonToken.END_ARRAY) {
      throw shape(place + " has fewer than two elements");
    }
    if (first != JsonToken.START_ARRAY) {
      throw shape(place + " holds something other than arrays");
    }
    List<String> names = new ArrayList<>();
    for (JsonToken token = parser.nextToken();
        token != JsonToken.END_ARRAY;
        token = parser.nextToken()) {
      if (token != JsonToken.VALUE_STRING || parser.getText().isEmpty()) {
        throw shape(place + " names a device with something other than a non-empty string");
      }
      names.add(parser.getText());
    }
    return names;
  }

  private ConfigurationException shape(String problem) {
    return wrong(file, problem);
  }

  private static ConfigurationException wrong(Path file, String problem) {
    return new ConfigurationException(VARIABLE, file.toString(), problem, EXPECTED);
  }

  private static ConfigurationException wrong(Path file, String problem, Throwable cause) {
    return new ConfigurationException(VARIABLE, file.toString(), problem, EXPECTED, cause);
  }
}
