// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import java.io.IOException;
import java.util.Optional;

/** The member {@code te_host} of descriptors and Connection messages. It is our own. */
final class HostCodec {
  /** C++ readers pass over it. */
  static final String HOST = "te_host";

  private HostCodec() {}

  static void write(JsonWriter out, HostDescriptor host) {
    out.member(HOST).beginObject().member("area").unsigned(host.area());
    out.member("boot").value(host.bootId());
    out.member("pid").unsigned(host.pid());
    out.member("pid_ns").unsigned(host.pidNamespace());
    out.member("start").unsigned(host.start()).endObject();
  }

  /** {@return what it says; empty if it does not say all, or says it in another form} */
  static Optional<HostDescriptor> read(JsonReader in) throws IOException {
    String boot = "";
    long pidNamespace = 0;
    int pid = 0;
    long start = 0;
    long area = 0;
    if (in.isObject()) {
      for (String member = in.nextMember(); member != null; member = in.nextMember()) {
        switch (member) {
          case "area" -> area = in.unsignedIfOne(Long.MAX_VALUE);
          case "boot" -> boot = in.textIfOne();
          case "pid" -> pid = (int) in.unsignedIfOne(Integer.MAX_VALUE);
          case "pid_ns" -> pidNamespace = in.unsignedIfOne(Long.MAX_VALUE);
          case "start" -> start = in.unsignedIfOne(Long.MAX_VALUE);
          default -> in.skip();
        }
      }
    } else {
      in.skip();
    }
    boolean whole =
        !boot.isEmpty()
            && boot.length() <= HostDescriptor.BOOT_ID_LENGTH_MAX
            && pid > 0
            && area != 0;
    return whole
        ? Optional.of(new HostDescriptor(boot, pidNamespace, pid, start, area))
        : Optional.empty();
  }
}
