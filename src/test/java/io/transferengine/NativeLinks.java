// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.MethodModel;
import java.lang.classfile.Opcode;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.AccessibleObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Every call into C that the classes of the build can make, as their class files show it: whether
 * this machine has the library for it or not.
 *
 * <p>A link is a call of {@code Linker.downcallHandle}, or of a method of ours that takes a {@link
 * FunctionDescriptor} and gives a handle, which hands it on (and adds its own options). All methods
 * are read, line after line, without following jumps, but of the generated bindings only what the
 * others use. Constants that stand before a link are read by reflection; so the classes that have
 * them must not need the library, as those of the bindings do not.
 */
final class NativeLinks {
  private static final String BINDINGS = "io/transferengine/bindings/";

  private static final String DESCRIPTOR = "Ljava/lang/foreign/FunctionDescriptor;";

  /**
   * One kind of call.
   *
   * @param result a layout by its name for native images
   * @param parameters likewise
   * @param capturesErrno whether errno is kept
   * @param firstVariadic the index of the first argument behind the dots of C, or -1
   * @param critical whether the JVM's collector waits for it; none of ours sees the heap
   */
  record Call(
      String result,
      List<String> parameters,
      boolean capturesErrno,
      int firstVariadic,
      boolean critical)
      implements Comparable<Call> {
    /** A call that is not critical. */
    Call(String result, List<String> parameters, boolean capturesErrno, int firstVariadic) {
      this(result, parameters, capturesErrno, firstVariadic, false);
    }

    @Override
    public int compareTo(Call other) {
      return toString().compareTo(other.toString());
    }
  }

  private final Map<String, ClassModel> classes = new HashMap<>();
  private final Set<String> seen = new HashSet<>();
  private final Deque<MethodModel> waiting = new ArrayDeque<>();
  private final Set<Call> downcalls = new TreeSet<>();
  private final List<String> problems = new ArrayList<>();

  private NativeLinks(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      files.filter(file -> file.toString().endsWith(".class")).forEach(this::add);
    }
  }

  /**
   * {@return all kinds of calls}
   *
   * @param folder of class files
   * @throws AssertionError if there is a link that cannot be read, or a call from C into Java
   */
  static Set<Call> of(Path folder) throws IOException {
    return of(folder, name -> !name.startsWith(BINDINGS));
  }

  /** As above, from the methods of those classes alone, and what they use of the bindings. */
  static Set<Call> of(Path folder, Predicate<String> roots) throws IOException {
    NativeLinks links = new NativeLinks(folder);
    links.classes.forEach(
        (name, model) -> {
          if (roots.test(name)) {
            model.methods().forEach(method -> links.visit(name, method));
          }
        });
    while (!links.waiting.isEmpty()) {
      links.read(links.waiting.remove());
    }
    if (!links.problems.isEmpty()) {
      throw new AssertionError(String.join("\n", links.problems));
    }
    return links.downcalls;
  }

  private void add(Path file) {
    try {
      ClassModel model = ClassFile.of().parse(file);
      classes.put(model.thisClass().asInternalName(), model);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void visit(String owner, MethodModel method) {
    if (seen.add(owner + "." + method.methodName() + method.methodType())) {
      waiting.add(method);
    }
  }

  /** What stands before a link. */
  private static final class Before {
    final List<MemoryLayout> layouts = new ArrayList<>();
    @Nullable FunctionDescriptor descriptor;
    boolean capturesErrno;
    boolean critical;
    int firstVariadic = -1;
    int number;
  }

  private void read(MethodModel method) {
    Before before = new Before();
    method.code().ifPresent(code -> code.forEach(step -> read(method, step, before)));
  }

  private void read(MethodModel method, CodeElement step, Before before) {
    switch (step) {
      case ConstantInstruction constant when constant.constantValue() instanceof Integer number ->
          before.number = number;
      case FieldInstruction field when field.opcode() == Opcode.GETSTATIC -> get(field, before);
      case InvokeInstruction call -> invoke(method, call, before);
      default -> {}
    }
  }

  private void get(FieldInstruction field, Before before) {
    useOfBindings(field.owner().asInternalName(), "<clinit>");
    String type = field.type().stringValue();
    if (type.equals(DESCRIPTOR)) {
      before.descriptor = (FunctionDescriptor) value(field.field());
    } else if (type.startsWith("Ljava/lang/foreign/ValueLayout$")
        || type.equals("Ljava/lang/foreign/AddressLayout;")) {
      before.layouts.add((MemoryLayout) value(field.field()));
    } else if (type.equals("Ljava/lang/foreign/Linker$Option;")) {
      // CapturedErrno.OPTION, the only one that is kept
      before.capturesErrno = true;
    }
  }

  private void invoke(MethodModel method, InvokeInstruction call, Before before) {
    String owner = call.owner().asInternalName();
    String name = call.name().stringValue();
    String type = call.type().stringValue();
    useOfBindings(owner, name + type);
    if (owner.equals("java/lang/foreign/FunctionDescriptor")) {
      describe(name, before);
    } else if (type.equals("()" + DESCRIPTOR)) {
      before.descriptor = (FunctionDescriptor) value(call.method());
    } else if (owner.equals("java/lang/foreign/Linker$Option")) {
      option(method, name, before);
    } else if (name.equals("upcallStub")) {
      problems.add(place(method) + " lets C call Java: list it under upcalls");
    } else if (isLink(type)) {
      link(method, owner, name + type, before);
    }
  }

  private static boolean isLink(String type) {
    return type.contains(DESCRIPTOR) && type.endsWith(")Ljava/lang/invoke/MethodHandle;");
  }

  private void describe(String name, Before before) {
    MemoryLayout[] all = before.layouts.toArray(MemoryLayout[]::new);
    if (name.equals("ofVoid")) {
      before.descriptor = FunctionDescriptor.ofVoid(all);
    } else if (name.equals("of")) {
      MemoryLayout[] parameters = before.layouts.stream().skip(1).toArray(MemoryLayout[]::new);
      before.descriptor = FunctionDescriptor.of(all[0], parameters);
    }
    before.layouts.clear();
  }

  private void option(MethodModel method, String name, Before before) {
    switch (name) {
      case "captureCallState" -> before.capturesErrno = true;
      case "firstVariadicArg" -> before.firstVariadic = before.number;
      case "critical" -> critical(method, before);
      case "captureStateLayout" -> {}
      default -> problems.add(place(method) + " uses the option " + name + ": list it here");
    }
  }

  private void critical(MethodModel method, Before before) {
    before.critical = true;
    if (before.number != 0) {
      problems.add(place(method) + " lets C see the heap: list it here");
    }
  }

  private void link(MethodModel method, String owner, String called, Before before) {
    boolean handsOn = isLink(method.methodType().stringValue());
    if (before.descriptor == null && !handsOn) {
      problems.add(place(method) + " links something that cannot be read here");
    }
    if (before.descriptor != null) {
      Before added = optionsOf(owner, called);
      downcalls.add(
          new Call(
              before.descriptor.returnLayout().map(NativeLinks::name).orElse("void"),
              before.descriptor.argumentLayouts().stream().map(NativeLinks::name).toList(),
              before.capturesErrno || added.capturesErrno,
              before.firstVariadic,
              before.critical || added.critical));
    }
    before.descriptor = null;
    before.capturesErrno = false;
    before.critical = false;
    before.firstVariadic = -1;
  }

  /** The options that a method of ours which hands a link on adds to it. */
  private Before optionsOf(String owner, String called) {
    Before before = new Before();
    ClassModel model = classes.get(owner);
    if (model == null) {
      return before;
    }
    for (MethodModel method : model.methods()) {
      if (called.equals(method.methodName().stringValue() + method.methodType().stringValue())) {
        for (CodeElement step : method.code().orElseThrow()) {
          if (step instanceof FieldInstruction field) {
            get(field, before);
          } else if (step instanceof InvokeInstruction call) {
            add(call, before);
          }
        }
      }
    }
    return before;
  }

  private void add(InvokeInstruction call, Before before) {
    String owner = call.owner().asInternalName();
    String name = call.name().stringValue();
    String type = call.type().stringValue();
    if (isLink(type)) {
      Before added = optionsOf(owner, name + type);
      before.capturesErrno |= added.capturesErrno;
      before.critical |= added.critical;
    } else if (owner.equals("java/lang/foreign/Linker$Option") && name.equals("critical")) {
      before.critical = true;
    }
  }

  /** What is used of the bindings is read too. */
  private void useOfBindings(String owner, String member) {
    if (!owner.startsWith(BINDINGS) || !classes.containsKey(owner)) {
      return;
    }
    for (MethodModel method : classes.get(owner).methods()) {
      String name = method.methodName().stringValue();
      if (name.equals("<clinit>") || member.equals(name + method.methodType().stringValue())) {
        visit(owner, method);
      }
    }
  }

  /** The constant of a static field, or what a static method without arguments returns. */
  private static Object value(MemberRefEntry member) {
    String name = member.name().stringValue();
    try {
      Class<?> owner = Class.forName(member.owner().asInternalName().replace('/', '.'));
      boolean isMethod = member.type().stringValue().startsWith("(");
      AccessibleObject found =
          isMethod ? owner.getDeclaredMethod(name) : owner.getDeclaredField(name);
      if (owner.getName().startsWith("io.transferengine.")) {
        found.setAccessible(true);
      }
      return found instanceof java.lang.reflect.Method method
          ? method.invoke(null)
          : ((java.lang.reflect.Field) found).get(null);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(member.owner().asInternalName() + "." + name, e);
    }
  }

  /** The names of layouts that are the same on every machine, as native images know them. */
  private static String name(MemoryLayout layout) {
    return switch (layout) {
      case AddressLayout _ -> "void*";
      case ValueLayout.OfByte _ -> "jbyte";
      case ValueLayout.OfShort _ -> "jshort";
      case ValueLayout.OfInt _ -> "jint";
      case ValueLayout.OfLong _ -> "jlong";
      // What goes by value: the words of the JSON file, as native-image reads them.
      case StructLayout struct ->
          struct.memberLayouts().stream()
              .map(NativeLinks::name)
              .collect(Collectors.joining(",", "struct(", ")"));
      case SequenceLayout all ->
          "sequence(" + all.elementCount() + "," + name(all.elementLayout()) + ")";
      case PaddingLayout none -> "padding(" + none.byteSize() + ")";
      default -> throw new AssertionError("a call with " + layout + ": give it a name here");
    };
  }

  private static String place(MethodModel method) {
    String owner = method.parent().map(model -> model.thisClass().asInternalName()).orElse("?");
    return owner.replace('/', '.') + "." + method.methodName();
  }
}
