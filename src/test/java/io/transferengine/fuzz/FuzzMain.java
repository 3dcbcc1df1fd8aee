// SPDX-License-Identifier: Apache-2.0
package io.transferengine.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** {@code ./te fuzz}. */
public final class FuzzMain {
  private static final int FOUND = 1;
  private static final int USAGE = 2;

  private FuzzMain() {}

  /** Runs a target, or repeats an input; ends the process. */
  public static void main(String[] args) throws Exception {
    Runtime.getRuntime().exit(run(args));
  }

  private static int run(String[] args) throws Exception {
    if (args.length == 0 || args[0].equals("--help") || args[0].equals("-h")) {
      return usage(null);
    }
    String name = args[0];
    if (!FuzzTargets.names().contains(name)) {
      return usage("there is no target \"" + name + "\"");
    }
    if (args.length == 1) {
      return fuzz(name, 1);
    }
    if (args.length == 3 && args[1].equals("--minutes") && args[2].matches("[1-9][0-9]{0,3}")) {
      return fuzz(name, Integer.parseInt(args[2]));
    }
    if (args.length == 3 && args[1].equals("--input")) {
      return repeat(name, Path.of(args[2]));
    }
    return usage("after the target goes --minutes N (1 to 9999) or --input FILE");
  }

  private static int usage(@Nullable String mistake) {
    if (mistake != null) {
      System.err.println("te: fuzz: " + mistake);
    }
    System.err.println(
        """
        Usage: ./te fuzz NAME [--minutes N]     looks for inputs that break it, 1 minute if not told
               ./te fuzz NAME --input FILE      repeats one input, without Jazzer
        Names: %s
        Inputs that are kept are in src/test/resources/fuzz/NAME; a run begins with them.\
        """
            .formatted(String.join(", ", FuzzTargets.names())));
    return mistake == null ? 0 : USAGE;
  }

  private static int fuzz(String name, int minutes) throws IOException, InterruptedException {
    Path folder = Path.of(System.getProperty("te.home", ""), "target", "fuzz", name);
    FuzzRun.Result result =
        new FuzzRun(name, folder)
            .run(TimeUnit.MINUTES.toSeconds(minutes), FuzzRun.ANY_SEED, System.err::println);
    System.out.println(result.line());
    return result.isClean() ? 0 : FOUND;
  }

  private static int repeat(String name, Path file) throws Exception {
    byte[] input;
    try {
      input = Files.readAllBytes(file);
    } catch (IOException e) {
      return usage(file + " cannot be read: " + e);
    }
    LoggedFaults.watch(false);
    try (FuzzTarget target = FuzzTargets.make(name)) {
      FuzzDriver.runChecked(target, input);
    } catch (Throwable t) {
      t.printStackTrace();
      return FOUND;
    }
    System.out.println("fuzz " + name + ": " + file + " is handled well");
    return 0;
  }
}
