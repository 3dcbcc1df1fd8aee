// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A network namespace with a link to ours. Here it has the addresses 10.N.0.1, fdN::1 and fe80::1,
 * there those that end in 2.
 */
public final class NetworkSpace {
  private static final String ID = Long.toString(ProcessHandle.current().pid() % 100_000);

  private final String space;
  private final String here;
  private final String there;

  /**
   * Makes one.
   *
   * @param number tells several at a time apart, from 10 to 99
   */
  public NetworkSpace(int number) throws IOException, InterruptedException {
    space = "te%d-%s".formatted(number, ID);
    here = "te%da%s".formatted(number, ID);
    there = "te%db%s".formatted(number, ID);
    String ten = "10." + number + ".0.";
    String unique = "fd" + number + "::";
    try {
      for (String step :
          List.of(
              "netns add " + space,
              "link add " + here + " type veth peer name " + there,
              "link set " + there + " netns " + space,
              "addr add " + ten + "1/24 dev " + here,
              "addr add " + unique + "1/64 dev " + here + " nodad",
              "addr add fe80::1/64 dev " + here + " nodad",
              "link set " + here + " up",
              "-n " + space + " link set lo up",
              "-n " + space + " addr add " + ten + "2/24 dev " + there,
              "-n " + space + " addr add " + unique + "2/64 dev " + there + " nodad",
              "-n " + space + " addr add fe80::2/64 dev " + there + " nodad",
              "-n " + space + " link set " + there + " up")) {
        if (!ip(step)) {
          throw new AssertionError("ip " + step);
        }
      }
    } catch (Throwable t) {
      remove();
      throw t;
    }
  }

  /** {@return whether there is the command for it} */
  public static boolean hasIp() throws InterruptedException {
    try {
      return new ProcessBuilder("ip", "-V").start().waitFor() == 0;
    } catch (IOException e) {
      return false;
    }
  }

  /** {@return whether we may make some} Asks the kernel, without iproute2. */
  public static boolean mayMake() throws IOException, InterruptedException {
    return new ProcessBuilder("unshare", "--net", "--mount", "true").start().waitFor() == 0;
  }

  /** {@return what executes its arguments there} */
  public List<String> inside() {
    return List.of("ip", "netns", "exec", space);
  }

  /** {@return its name} */
  public String name() {
    return space;
  }

  /** {@return our end of the link} */
  public String here() {
    return here;
  }

  /** {@return its end of the link} */
  public String there() {
    return there;
  }

  /** {@return whether a command of ip worked; otherwise it is on standard error} */
  public static boolean ip(String arguments) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(("ip " + arguments).split(" ", -1)).redirectErrorStream(true).start();
    String said =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    if (process.waitFor() != 0) {
      System.err.println("ip " + arguments + ": " + said);
      return false;
    }
    return true;
  }

  /** Removes it, with its link. */
  public void remove() throws IOException, InterruptedException {
    boolean _ = ip("link del " + here);
    boolean _ = ip("netns del " + space);
  }
}
