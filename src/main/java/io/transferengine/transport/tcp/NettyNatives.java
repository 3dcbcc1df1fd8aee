// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.config.Processor;

/**
 * Why Netty's epoll or io_uring cannot be used: a jar that is missing, a module that nobody added,
 * or the machine. Each has a remedy of its own.
 */
final class NettyNatives {
  private NettyNatives() {}

  /**
   * {@return what is the matter, in words that follow "but"}
   *
   * @param name epoll or io_uring
   * @param unavailable what Netty says
   */
  static String problem(String name, Throwable unavailable) {
    if (!hasClasses(name)) {
      return artifact(name) + " is not on the class path";
    }
    if (!hasNativeCode(name)) {
      return (isModule() ? "the module " + module(name) : "Netty's native code for it")
          + " was not found";
    }
    Throwable root = unavailable;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return "it cannot be used here: " + unavailable + (root == unavailable ? "" : ", " + root);
  }

  /** {@return what to do about that} */
  static String remedy(String name) {
    if (!hasClasses(name)) {
      return "Add that artifact to the build, or leave TE_TCP_IO at auto";
    }
    if (!hasNativeCode(name)) {
      return isModule()
          ? "Start Java with --add-modules "
              + module(name)
              + " and --enable-native-access=io.transferengine,io.netty.common, or leave TE_TCP_IO"
              + " at auto"
          : "Add io.netty:netty-transport-native-"
              + name
              + " with the classifier linux-"
              + Processor.nettyName()
              + " to the build, or leave TE_TCP_IO at auto";
    }
    return "Its kernel may lack it, or /tmp may not hold executable files (see"
        + " -Dio.netty.native.workdir), or native access is refused to Netty"
        + " (--enable-native-access=io.netty.common); or leave TE_TCP_IO at auto";
  }

  private static boolean isModule() {
    return NettyNatives.class.getModule().isNamed();
  }

  private static String artifact(String name) {
    return "io.netty:netty-transport-classes-" + name;
  }

  private static boolean hasClasses(String name) {
    return NettyLibrary.has(
        name.equals("epoll") ? "io.netty.channel.epoll.Epoll" : "io.netty.channel.uring.IoUring");
  }

  private static boolean hasNativeCode(String name) {
    String library = name.equals("epoll") ? "epoll" : "io_uring42";
    String file = "libnetty_transport_native_" + library + "_" + Processor.nettyName() + ".so";
    ClassLoader loader = NettyNatives.class.getClassLoader();
    return loader != null && loader.getResource("META-INF/native/" + file) != null;
  }

  private static String module(String name) {
    // The jar of io_uring for ARM has the name of the other one, in Netty 4.2.18.
    return "io.netty.transport."
        + name
        + ".linux."
        + (name.equals("epoll") ? Processor.nettyName() : "x86_64");
  }
}
