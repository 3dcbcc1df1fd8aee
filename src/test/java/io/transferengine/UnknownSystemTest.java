// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static java.util.function.Predicate.not;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.UnknownSystemMain;
import java.io.File;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.MethodModel;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A system that is not Linux, such as macOS and Windows: none of the C functions is there that the
 * library calls, Netty has no native code for it, and there is no {@code /proc} (where we may hide
 * it). What is left is NIO, over which everything must work.
 */
@Timeout(120)
class UnknownSystemTest {
  private static final Path CLASSES = Path.of("target", "classes");

  private static final Predicate<String> NETTY_NATIVES =
      Pattern.compile(
              "netty-(transport-native-(epoll|io_uring)|tcnative-boringssl-static)-[0-9].*linux")
          .asPredicate();

  @TempDir Path folder;

  @Test
  void everythingGoesOverNio() throws Exception {
    write("io/transferengine/os/Platform", "isLinux", code -> code.iconst_0().ireturn());
    // As SymbolLookup.findOrThrow does.
    write("io/transferengine/os/CapturedErrno", "function", UnknownSystemTest::throwsNoSuchElement);
    List<String> hiding = withoutProc();
    ChildJvm.Result result =
        ChildJvm.run(
            hiding,
            List.of("-Dos.name=Plan 9", "--enable-native-access=ALL-UNNAMED"),
            folder + File.pathSeparator + ChildJvm.classPath(not(NETTY_NATIVES)),
            List.of("LD_LIBRARY_PATH=" + Path.of(System.getProperty("java.home"), "lib")),
            UnknownSystemMain.class);
    assertThat(result.output())
        .contains(
            "proc: " + hiding.isEmpty() + ", epoll: false, io_uring: false",
            "transports: [tcp]",
            "allocated: equal",
            "registered: equal",
            "initialize: 0 0",
            "by status: 0 0 true",
            "topology: {}",
            "counters: true")
        .doesNotContain("Exception", "Error");
    assertThat(result.exitStatus()).as(result.output()).isZero();
  }

  /** The command that hides {@code /proc} from another; nothing where that is not allowed. */
  private static List<String> withoutProc() throws IOException, InterruptedException {
    List<String> command =
        List.of("unshare", "-m", "sh", "-c", "mount -t tmpfs none /proc && exec \"$@\"", "sh");
    List<String> trial = new ArrayList<>(command);
    trial.add("true");
    try {
      Process process = new ProcessBuilder(trial).redirectErrorStream(true).start();
      return process.waitFor(1, TimeUnit.MINUTES) && process.exitValue() == 0 ? command : List.of();
    } catch (IOException noSuchCommand) {
      return List.of();
    }
  }

  /** Writes a class of ours with another body in one of its methods. */
  private void write(String name, String method, Consumer<CodeBuilder> body) throws IOException {
    ClassFile files = ClassFile.of();
    ClassModel model = files.parse(CLASSES.resolve(name + ".class"));
    byte[] changed =
        files.transformClass(
            model,
            (builder, element) -> {
              if (element instanceof MethodModel found && found.methodName().equalsString(method)) {
                builder.withMethodBody(
                    found.methodName(), found.methodType(), found.flags().flagsMask(), body);
              } else {
                builder.with(element);
              }
            });
    Path file = folder.resolve(name + ".class");
    Files.createDirectories(file.getParent());
    Files.write(file, changed);
  }

  private static void throwsNoSuchElement(CodeBuilder code) {
    ClassDesc type = ClassDesc.of(NoSuchElementException.class.getName());
    code.new_(type)
        .dup()
        .aload(0)
        .invokespecial(type, "<init>", MethodTypeDesc.ofDescriptor("(Ljava/lang/String;)V"))
        .athrow();
  }
}
