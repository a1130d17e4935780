// The modules that an Expo app has installed. The adapters are compiled against the parts that they use.
declare module "@react-native-community/netinfo" {
  import type { NetInfo } from "@edvoyage/client-sdk/react-native";
  const netInfo: NetInfo;
  export default netInfo;
}
declare module "expo-secure-store" {
  import type { ExpoSecureStore } from "@edvoyage/client-sdk/react-native";
  export const getItemAsync: ExpoSecureStore["getItemAsync"];
  export const setItemAsync: ExpoSecureStore["setItemAsync"];
  export const deleteItemAsync: ExpoSecureStore["deleteItemAsync"];
}
declare module "expo-sqlite" {
  import type { ExpoSqlite } from "@edvoyage/client-sdk/react-native";
  export const openDatabaseAsync: ExpoSqlite["openDatabaseAsync"];
  export const deleteDatabaseAsync: ExpoSqlite["deleteDatabaseAsync"];
}
declare module "react-native" {
  import type { ReactNativeAppState } from "@edvoyage/client-sdk/react-native";
  export const AppState: ReactNativeAppState;
  export const Platform: { readonly OS: "ios" | "android" };
}
