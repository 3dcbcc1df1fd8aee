// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What puts a text together is not linked when it first runs: in a full heap that fails, and then
 * fails for ever, most likely where an error was to be reported. Maven's compiler is told so.
 */
@Timeout(60)
class LateLinkageTest {
  @Test
  void textsArePutTogetherByPlainCalls() throws Exception {
    Path classes =
        Path.of(Engine.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    List<Path> all;
    try (Stream<Path> files = Files.walk(classes)) {
      all = files.filter(file -> file.toString().endsWith(".class")).toList();
    }
    assertThat(all).hasSizeGreaterThan(100);
    assertThat(all).noneMatch(file -> text(file).contains("makeConcatWithConstants"));
  }

  private static String text(Path file) {
    try {
      return Files.readString(file, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
