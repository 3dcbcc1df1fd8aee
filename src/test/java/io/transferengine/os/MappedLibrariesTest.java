// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class MappedLibrariesTest {
  private static final String LINE =
      "7f10-7f20 r-xp 00000000 fe:00 260131      /usr/lib/x86_64-linux-gnu/libcuda.so.580.159.04\n";

  @TempDir Path folder;

  @Test
  void whatThisProcessHasLoadedIsFound() {
    assertThat(MappedLibraries.contains("libjvm.so")).isEqualTo(Platform.isLinux());
    assertThat(MappedLibraries.contains("libnobody.so")).isFalse();
  }

  @Test
  void onlyTheNameOfTheFileCounts() throws Exception {
    Path maps = Files.writeString(folder.resolve("maps"), "1000-2000 rw-p 0 0 0\n" + LINE);
    assertThat(MappedLibraries.contains(maps, "libcuda.so")).isTrue();
    assertThat(MappedLibraries.contains(maps, "x86_64")).isFalse();
    assertThat(MappedLibraries.contains(maps, "cuda.so")).isFalse();
    assertThat(MappedLibraries.contains(folder.resolve("none"), "libcuda.so")).isFalse();
  }
}
