// SPDX-License-Identifier: Apache-2.0
/** {@code doctor} and {@code topology}: what this machine can do; and if not, why. */
package io.transferengine.cli.doctor;
