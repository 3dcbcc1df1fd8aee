// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

/**
 * A variable of the C++ engine without effect here. Setting one gives one WARN.
 *
 * @param name the variable
 * @param reason why it has no effect, as a sentence
 */
public record InertVariable(String name, String reason) {}
