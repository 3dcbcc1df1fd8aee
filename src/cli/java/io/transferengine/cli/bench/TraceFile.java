// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.transferengine.cli.console.CommandException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Reads the format in which Mooncake published its traces (FAST'25): a JSON object on each line,
 * with {@code timestamp} (milliseconds), {@code input_length}, {@code output_length} (tokens) and
 * {@code hash_ids}. Other members are skipped.
 */
final class TraceFile {
  /** A prompt of a hundred million tokens is a mistake. */
  private static final int TOKENS_LIMIT = 100_000_000;

  private static final JsonFactory JSON = new JsonFactory();

  private TraceFile() {}

  /**
   * {@return the first requests of a file, at least one}
   *
   * @throws CommandException that names a malformed line
   */
  static List<TraceRequest> read(Path file, int most) {
    List<TraceRequest> requests = new ArrayList<>();
    try (BufferedReader reader = Files.newBufferedReader(file)) {
      int number = 0;
      for (String line = reader.readLine();
          line != null && requests.size() < most;
          line = reader.readLine()) {
        number++;
        if (!line.isBlank()) {
          requests.add(request(line, "--trace " + file + ", line " + number));
        }
      }
    } catch (IOException e) {
      throw CommandException.usage("--trace " + file + " cannot be read: " + e);
    }
    if (requests.isEmpty()) {
      throw CommandException.usage("--trace " + file + ": it has no requests");
    }
    return requests;
  }

  private static TraceRequest request(String line, String where) {
    long timestamp = -1;
    int input = -1;
    int output = -1;
    int[] prefixes = new int[0];
    try (JsonParser json = JSON.createParser(line)) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        throw CommandException.usage(where + ": it must be a JSON object");
      }
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String name = json.currentName();
        json.nextToken();
        switch (name) {
          case "timestamp" -> timestamp = number(json, name, Long.MAX_VALUE, where);
          case "input_length" -> input = (int) number(json, name, TOKENS_LIMIT, where);
          case "output_length" -> output = (int) number(json, name, TOKENS_LIMIT, where);
          case "hash_ids" -> prefixes = numbers(json, name, where);
          default -> json.skipChildren();
        }
      }
    } catch (JsonProcessingException e) {
      // The original message: the full one has a second line, about the place.
      throw CommandException.usage(where + ": " + e.getOriginalMessage());
    } catch (IOException e) {
      throw CommandException.usage(where + ": " + e.getMessage());
    }
    if (timestamp < 0 || input < 1 || output < 0) {
      throw CommandException.usage(
          where + ": timestamp, input_length (1 or more) and output_length are needed");
    }
    return new TraceRequest(timestamp, input, output, prefixes);
  }

  private static long number(JsonParser json, String name, long most, String where)
      throws IOException {
    if (!json.currentToken().isNumeric()
        || json.getDoubleValue() < 0
        || json.getDoubleValue() > most) {
      throw CommandException.usage(
          "%s: %s is %s; it must be a number from 0 to %d"
              .formatted(where, name, json.getText(), most));
    }
    return (long) json.getDoubleValue();
  }

  private static int[] numbers(JsonParser json, String name, String where) throws IOException {
    if (json.currentToken() != JsonToken.START_ARRAY) {
      throw CommandException.usage(where + ": " + name + " must be an array");
    }
    IntStream.Builder numbers = IntStream.builder();
    while (json.nextToken() != JsonToken.END_ARRAY) {
      numbers.add((int) number(json, name, Integer.MAX_VALUE, where));
    }
    return numbers.build().toArray();
  }
}
