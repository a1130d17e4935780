export {
  createNetInfoNetwork,
  createReactNativeAppState,
  type NetInfo,
  type NetInfoState,
  type ReactNativeAppState,
} from "./platform/react-native-monitors.ts";
export {
  createExpoSqliteStorage,
  type ExpoSqlite,
  type ExpoSqliteDatabase,
  type ExpoSqliteStorageOptions,
} from "./storage/expo-sqlite.ts";
export {
  createExpoSecureStorage,
  type ExpoSecureStore,
  type ExpoSecureStoreOptions,
} from "./storage/secrets.ts";
