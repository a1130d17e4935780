import NetInfo from "@react-native-community/netinfo";
import { createClient } from "@edvoyage/client-sdk";
import {
  createExpoSecureStorage,
  createExpoSqliteStorage,
  createNetInfoNetwork,
  createReactNativeAppState,
} from "@edvoyage/client-sdk/react-native";
import * as SecureStore from "expo-secure-store";
import * as SQLite from "expo-sqlite";
import { AppState, Platform } from "react-native";

export const client = createClient({
  url: "https://api.edvoyage.example",
  storage: createExpoSqliteStorage(SQLite),
  secureStorage: createExpoSecureStorage(SecureStore),
  network: createNetInfoNetwork(NetInfo),
  appState: createReactNativeAppState(AppState),
  platform: Platform.OS === "ios" ? "ios" : "android",
});
