// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which lines of a process's list of mappings prove that it has made an area. */
@Timeout(60)
class ProcessMapsTest {
  private static final long ADDRESS = 0x234567800000L;
  private static final String BEFORE =
      "5651ba5de000-5651ba5e0000 r--p 00000000 fe:00 260131      /usr/bin/cat\n";
  private static final String AREA =
      "234567800000-234567a00000 rw-s 00000000 00:01 12345      /memfd:te-area-ff (deleted)\n";

  @TempDir Path folder;

  private Optional<Processes.MemfdFile> found(String maps) throws IOException {
    Path file = Files.writeString(folder.resolve("maps"), maps);
    return ProcessMaps.memfd(file, ADDRESS, 0x200000, "te-area-ff");
  }

  @Test
  void aMappingThatBeginsThereIsFoundAmongOthers() throws Exception {
    assertThat(found(BEFORE + AREA + BEFORE)).contains(new Processes.MemfdFile("00:01", 12345));
    assertThat(found(AREA)).contains(new Processes.MemfdFile("00:01", 12345));
    assertThat(found(BEFORE)).isEmpty();
    assertThat(found("")).isEmpty();
    assertThat(found("234567800000")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "234567700000-234567a00000 rw-s 00000000 00:01 1 /memfd:te-area-ff (deleted)",
        "234567801000-234567a00000 rw-s 00000000 00:01 1 /memfd:te-area-ff (deleted)",
        "234567800000-2345679ff000 rw-s 00000000 00:01 1 /memfd:te-area-ff (deleted)",
        "234567800000-234567a00000 rw-p 00000000 00:01 1 /memfd:te-area-ff (deleted)",
        "234567800000-234567a00000 r--s 00000000 00:01 1 /memfd:te-area-ff (deleted)",
        "234567800000-234567a00000 rw-s 00001000 00:01 1 /memfd:te-area-ff (deleted)",
        "234567800000-234567a00000 rw-s 00000000 00:01 1 /memfd:te-area-fe (deleted)",
        "234567800000-234567a00000 rw-s 00000000 00:01 1 /tmp/memfd:te-area-ff (deleted)",
        "234567800000-234567a00000 rw-s 00000000 00:01 1 /memfd:te-area-ff",
        "234567800000-234567a00000 rw-s 00000000 00:01 1",
        "234567800000-234567a00000 rw-s",
        "234567800000-",
        "234567800000-x rw-s 00000000 00:01 1 /memfd:te-area-ff (deleted)"
      })
  void allElseIsNone(String line) throws Exception {
    assertThat(found(BEFORE + line + "\n" + BEFORE)).isEmpty();
  }

  @Test
  void ofAnEndlessListTheBeginningIsRead() throws Exception {
    assertThat(found("234567800000-" + "1".repeat(1 << 20) + "\n")).isEmpty();
    String many = BEFORE.repeat((16 << 20) / BEFORE.length() + 1);
    assertThatThrownBy(() -> found(many + AREA)).hasMessageContaining("more than 16 MiB");
  }
}
