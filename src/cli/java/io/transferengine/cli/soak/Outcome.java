// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/**
 * How a transfer ended.
 *
 * @param state a transfer's state; {@link #HUNG} if it had not ended in time after its deadline,
 *     {@link #UNKNOWN} if its initiator is gone
 * @param late whether it ended more than a second after its deadline
 * @param text why it did not complete
 */
record Outcome(String state, boolean late, String text) {
  static final String HUNG = "HUNG";
  static final String UNKNOWN = "UNKNOWN";
  private static final String COMPLETED = "COMPLETED";

  static Outcome parse(String line) {
    String[] words = line.split(";", -1);
    return new Outcome(
        words[0],
        Boolean.parseBoolean(words[1]),
        URLDecoder.decode(words[2], StandardCharsets.UTF_8));
  }

  String line() {
    return state + ";" + late + ";" + URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  boolean completed() {
    return state.equals(COMPLETED);
  }

  boolean hung() {
    return state.equals(HUNG);
  }

  boolean unknown() {
    return state.equals(UNKNOWN);
  }
}
