// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.config.MetadataOptions;
import io.transferengine.config.Settings;

/**
 * The setters of {@link EngineConfig.Builder} for metadata services. Not thread-safe.
 *
 * @param <B> the builder
 */
public abstract sealed class MetadataConfig<B extends MetadataConfig<B>>
    permits EngineConfig.Builder {
  final Settings.Builder settings;

  MetadataConfig(Settings.Builder settings) {
    this.settings = settings;
  }

  abstract B self();

  /**
   * A part of every key: engines find only those with the same one. ({@code
   * MC_METADATA_CLUSTER_ID})
   *
   * @param value a word, with or without a slash at its end
   * @return this builder
   */
  public B metadataClusterId(String value) {
    settings.set(MetadataOptions.CLUSTER_ID, value);
    return self();
  }

  /**
   * How long our records outlive an engine that dies; they are refreshed three times as often.
   * ({@code TE_METADATA_TTL_SECONDS})
   *
   * @param value a whole number of seconds, 2 to 86400
   * @return this builder
   */
  public B metadataTtlSeconds(int value) {
    settings.set(MetadataOptions.TTL, value);
    return self();
  }

  /**
   * Opens the engine although the service cannot be reached, and registers when it can be. ({@code
   * TE_METADATA_BACKGROUND_START})
   *
   * @param value 1, true, yes or on; or 0, false, no or off (in any case)
   * @return this builder
   */
  public B metadataBackgroundStart(boolean value) {
    settings.set(MetadataOptions.BACKGROUND_START, value);
    return self();
  }

  /**
   * The user of redis; none for the default user. ({@code MC_REDIS_USERNAME})
   *
   * @param value a user's name
   * @return this builder
   */
  public B redisUsername(String value) {
    settings.set(MetadataOptions.REDIS_USERNAME, value);
    return self();
  }

  /**
   * The password of redis; without it nobody logs in. ({@code MC_REDIS_PASSWORD})
   *
   * @param value a password
   * @return this builder
   */
  public B redisPassword(String value) {
    settings.set(MetadataOptions.REDIS_PASSWORD, value);
    return self();
  }

  /**
   * The number of the redis database. ({@code MC_REDIS_DB_INDEX})
   *
   * @param value a whole number, 0 to 255
   * @return this builder
   */
  public B redisDbIndex(int value) {
    settings.set(MetadataOptions.REDIS_DB_INDEX, value);
    return self();
  }

  /**
   * The user of etcd; without it nobody logs in. ({@code TE_ETCD_USERNAME})
   *
   * @param value a user's name
   * @return this builder
   */
  public B etcdUsername(String value) {
    settings.set(MetadataOptions.ETCD_USERNAME, value);
    return self();
  }

  /**
   * The password of that user. ({@code TE_ETCD_PASSWORD})
   *
   * @param value a password
   * @return this builder
   */
  public B etcdPassword(String value) {
    settings.set(MetadataOptions.ETCD_PASSWORD, value);
    return self();
  }

  /**
   * Speaks TLS to etcd; redis and HTTP servers say so in their scheme. ({@code TE_ETCD_TLS})
   *
   * @param value 1, true, yes or on; or 0, false, no or off (in any case)
   * @return this builder
   */
  public B etcdTls(boolean value) {
    settings.set(MetadataOptions.ETCD_TLS, value);
    return self();
  }

  /**
   * The certificates that vouch for metadata services over TLS, of any kind. ({@code
   * TE_METADATA_TLS_CA})
   *
   * @param value the path of a PEM file
   * @return this builder
   */
  public B metadataTlsCa(String value) {
    settings.set(MetadataOptions.TLS_CA, value);
    return self();
  }

  /**
   * Our certificate, for services that ask for one. ({@code TE_METADATA_TLS_CERT})
   *
   * @param value the path of a PEM file
   * @return this builder
   */
  public B metadataTlsCert(String value) {
    settings.set(MetadataOptions.TLS_CERTIFICATE, value);
    return self();
  }

  /**
   * The private key of that certificate, PKCS #8 without a password. ({@code TE_METADATA_TLS_KEY})
   *
   * @param value the path of a PEM file
   * @return this builder
   */
  public B metadataTlsKey(String value) {
    settings.set(MetadataOptions.TLS_KEY, value);
    return self();
  }
}
