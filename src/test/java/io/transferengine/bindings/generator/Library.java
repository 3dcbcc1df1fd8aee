// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

/**
 * A library to generate classes for.
 *
 * @param className the class of its functions and constants
 * @param name as texts call it
 * @param soname the name that the runtime package has; the one without a number comes with headers
 * @param remedy what to do where it is not found
 * @param symbols the file with the list of symbols, below {@code native-headers}
 * @param header what to read, below {@code native-headers}
 */
public record Library(
    String className, String name, String soname, String remedy, String symbols, String header) {}
