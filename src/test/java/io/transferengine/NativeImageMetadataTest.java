// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.bindings.Cuda;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The committed file for native images is what the classes need; {@code -Dte.regenerate=true}
 * writes it anew.
 */
@Timeout(60)
class NativeImageMetadataTest {
  private static final Path CLASSES = Path.of("target", "classes");
  private static final Path FILE =
      Path.of(
          "src/main/resources/META-INF/native-image/io.transferengine/transfer-engine/reachability-metadata.json");

  @Test
  void theCommittedFileIsWhatTheClassesNeed() throws IOException {
    String expected = NativeImageMetadata.render(CLASSES);
    if (Boolean.getBoolean("te.regenerate")) {
      Files.createDirectories(FILE.getParent());
      Files.writeString(FILE, expected);
    }
    assertThat(FILE)
        .as("regenerate with: ./te test -Dtest=NativeImageMetadataTest -Dte.regenerate=true")
        .exists()
        .hasContent(expected);
  }

  /** By hand, one of each sort: so that the reading of class files is not taken for the truth. */
  @Test
  void callsOfEachSortAreFound() throws IOException {
    assertThat(NativeLinks.of(CLASSES))
        .contains(
            // epoll_wait, by a method that hands the link on and adds an option
            new NativeLinks.Call("jint", List.of("jint", "void*", "jint", "jint"), false, -1, true),
            // getpagesize, which sets no errno
            new NativeLinks.Call("jint", List.of(), false, -1),
            // fcntl
            new NativeLinks.Call("jint", List.of("jint", "jint", "jint"), true, 2),
            // ibv_query_gid, by a method that hands the link on to another
            new NativeLinks.Call("jint", List.of("void*", "jbyte", "jint", "void*"), true, -1),
            // post_send, of a struct of functions
            new NativeLinks.Call("jint", List.of("void*", "void*", "void*"), false, -1),
            // cuIpcOpenMemHandle_v2, to which a struct goes by value
            new NativeLinks.Call(
                "jint", List.of("void*", "struct(sequence(64,jbyte))", "jint"), false, -1),
            // cuMemcpyHtoDAsync_v2, of which the generated class makes the handle
            new NativeLinks.Call("jint", List.of("jlong", "void*", "jlong", "void*"), false, -1));
  }

  /**
   * {@code ibv_context_ops.alloc_mw}: nobody calls it, and it would be one more stub in the image.
   */
  @Test
  void whatNobodyCallsIsLeftOut() throws IOException {
    assertThat(NativeLinks.of(CLASSES))
        .doesNotContain(new NativeLinks.Call("void*", List.of("void*", "jint"), false, -1));
  }

  @Test
  void aNewCallIsFound() throws IOException {
    Set<NativeLinks.Call> calls =
        NativeLinks.of(
            Path.of("target", "test-classes"),
            name -> name.equals("io/transferengine/NativeImageMetadataTest$New"));
    assertThat(calls)
        .containsExactly(new NativeLinks.Call("void", List.of("jlong", "void*"), true, 1));
  }

  @Test
  void whatCannotBeReadIsAFailure() {
    assertThatThrownBy(
            () ->
                NativeLinks.of(
                    Path.of("target", "test-classes"),
                    name -> name.equals("io/transferengine/NativeImageMetadataTest$Hidden")))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("Hidden.of links something that cannot be read here");
  }

  /** Read, never run. */
  @SuppressWarnings({"restricted", "unused"})
  private static final class New {
    static MethodHandle of(MemorySegment address) {
      return Linker.nativeLinker()
          .downcallHandle(
              address,
              FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG, Cuda.C_POINTER),
              Linker.Option.captureCallState("errno"),
              Linker.Option.firstVariadicArg(1));
    }
  }

  @SuppressWarnings({"restricted", "unused"})
  private static final class Hidden {
    static MethodHandle of(MemorySegment address, List<FunctionDescriptor> descriptors) {
      return Linker.nativeLinker().downcallHandle(address, descriptors.getFirst());
    }
  }
}
