// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.Needs;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Which uses of the generated classes need libibverbs, and that those work with the real one. */
@Timeout(120)
@SuppressWarnings("restricted") // It is native calls that are tested.
class LibraryUseTest {
  private static final String SONAME = "libibverbs.so.1";

  private static void needLibrary() {
    boolean present = true;
    try (Arena arena = Arena.ofConfined()) {
      SymbolLookup.libraryLookup(SONAME, arena);
    } catch (IllegalArgumentException absent) {
      present = false;
    }
    Needs.that(present, "no " + SONAME + ": install the package libibverbs1");
  }

  @Test
  void libraryHasEachFunction() {
    needLibrary();
    assertThat(GeneratedClasses.symbols().functions())
        .isNotEmpty()
        .allSatisfy(
            name -> {
              MemorySegment address =
                  (MemorySegment) GeneratedClasses.call(Ibv.class, name + "$address");
              assertThat(address.address()).isNotZero();
            });
  }

  @Test
  void callsArrive() {
    needLibrary();
    assertThat(text(Ibv.ibv_wc_status_str(Ibv.IBV_WC_SUCCESS()))).isEqualTo("success");
    assertThat(text(Ibv.ibv_wc_status_str(Ibv.IBV_WC_RETRY_EXC_ERR())))
        .containsIgnoringCase("retry");
    assertThat(text(Ibv.ibv_event_type_str(Ibv.IBV_EVENT_PORT_ERR()))).containsIgnoringCase("port");
  }

  private static String text(MemorySegment string) {
    return string.getString(0);
  }

  /** Through a pointer of {@code ibv_context_ops}, to a function that is made of Java. */
  @Test
  void pointersToFunctionsAreCalled() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment context = arena.allocate(ibv_context.layout());
      MemorySegment completion = ibv_wc.allocate(arena);
      ibv_context_ops.poll_cq(
          ibv_context.ops(context),
          ibv_context_ops.poll_cq.allocate(
              (_, count, wc) -> {
                ibv_wc.wr_id(wc.reinterpret(ibv_wc.sizeof()), 42);
                return count - 1;
              },
              arena));

      int polled =
          ibv_context_ops.poll_cq.invoke(
              ibv_context_ops.poll_cq(ibv_context.ops(context)), MemorySegment.NULL, 3, completion);

      assertThat(polled).isEqualTo(2);
      assertThat(ibv_wc.wr_id(completion)).isEqualTo(42);
    }
  }

  /** In a process of its own, where the library's name leads to a file that is none. */
  @Test
  void layoutsAndConstantsNeedNoLibrary(@TempDir Path directory) throws Exception {
    Files.writeString(directory.resolve(SONAME), "not a library");
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx128m",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            WithoutLibrary.class.getName());
    builder.environment().put("LD_LIBRARY_PATH", directory.toString());
    Process process = builder.redirectErrorStream(true).start();
    try {
      process.getOutputStream().close();
      List<String> lines = process.inputReader().readAllLines();
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(lines).hasSize(2);
      assertThat(lines.get(0)).matches("used [1-9][0-9]{2,} without the library");
      assertThat(lines.get(1))
          .startsWith("java.lang.UnsatisfiedLinkError: ibv_fork_init of libibverbs.so.1 not found")
          .endsWith("install the package libibverbs1");
      assertThat(process.exitValue()).isZero();
    } finally {
      process.destroyForcibly();
    }
  }

  /** Uses everything that is promised not to need the library, then a call. */
  static final class WithoutLibrary {
    private WithoutLibrary() {}

    public static void main(String[] arguments) {
      int used = 0;
      for (String name : GeneratedClasses.symbols().constants()) {
        GeneratedClasses.constant(name);
        used++;
      }
      for (String name : GeneratedClasses.symbols().functions()) {
        var descriptor =
            (FunctionDescriptor) GeneratedClasses.call(Ibv.class, name + "$descriptor");
        used += descriptor.argumentLayouts().isEmpty() ? 1 : 2;
      }
      for (GeneratedClasses.Structure structure : GeneratedClasses.structures()) {
        used += structure.layout().byteSize() > 0 ? 1 : 0;
      }
      System.out.println("used " + used + " without the library");
      try {
        Ibv.ibv_fork_init();
      } catch (UnsatisfiedLinkError e) {
        System.out.println(e);
      }
    }
  }
}
