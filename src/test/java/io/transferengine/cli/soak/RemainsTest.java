// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.os.ReservedMemory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** As if this process had been killed, and lived on. */
@Timeout(60)
class RemainsTest {
  private static final Path NO_FOLDER = Path.of("/nowhere");

  private final long own = ProcessHandle.current().pid();

  @Test
  void memoryOfADeadProcessIsFound() {
    ReservedMemory memory = ReservedMemory.ofMemfd("te-remains-test", 65_536);
    Remains remains;
    try {
      remains = new Remains(own, NO_FOLDER);
      assertThat(remains.left(List.of(own)))
          .anyMatch(left -> left.contains("memory") && left.contains("te-remains-test"));
      assertThat(remains.left(List.of())).noneMatch(left -> left.contains("memory"));
    } finally {
      memory.unmap();
    }
    assertThat(remains.left(List.of(own))).noneMatch(left -> left.contains("te-remains-test"));
  }

  @Test
  void socketsThatAreLeftAreFound(@TempDir Path folder) throws Exception {
    Remains remains;
    try (ServerSocket tcp = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        ServerSocketChannel unix = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      Path name = folder.resolve("remains");
      unix.bind(UnixDomainSocketAddress.of(name));
      remains = new Remains(own, NO_FOLDER);
      String port = ":%04X ".formatted(tcp.getLocalPort());
      assertThat(remains.left(List.of()))
          .anyMatch(left -> left.contains("socket in tcp") && left.contains(port))
          .anyMatch(left -> left.contains("socket in unix") && left.contains(name.toString()));
    }
    assertThat(remains.left(List.of())).noneMatch(left -> left.contains(folder.toString()));
  }

  @Test
  void namesThatAreLeftAreFoundUnlessTheyAreToStay() throws Exception {
    Path folder = Path.of("/dev/shm");
    Path name = Files.createTempFile(folder, "te-remains-test", "");
    try (FileChannel _ = FileChannel.open(name, StandardOpenOption.READ)) {
      Remains remains = new Remains(own, NO_FOLDER);
      assertThat(remains.left(List.of())).contains("the name " + name);
      assertThat(new Remains(own, folder).left(List.of())).doesNotContain("the name " + name);
      Files.delete(name);
      assertThat(remains.left(List.of())).doesNotContain("the name " + name);
    } finally {
      boolean _ = Files.deleteIfExists(name);
    }
  }
}
