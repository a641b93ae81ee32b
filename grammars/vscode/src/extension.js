// Starts `cnnspec lsp` and keeps it. All that is known of the language comes from there.
const { commands, window, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function start() {
  const [command, ...args] = workspace.getConfiguration("cnnspec").get("command");
  const server = { command, args };
  const served = {
    documentSelector: [{ language: "cnnspec" }],
    initializationOptions: workspace.getConfiguration("cnnspec"),
    synchronize: { configurationSection: "cnnspec" },
  };
  client = new LanguageClient("cnnspec", "cnnspec", server, served);
  try {
    await client.start();
  } catch {
    client = undefined;
    const told = `\`${command}\` does not start: \`pip install cnnspec\`, or say where it is`;
    if (await window.showErrorMessage(told, "Settings")) {
      await commands.executeCommand("workbench.action.openSettings", "cnnspec.command");
    }
  }
}

async function restart() {
  await client?.stop();
  await start();
}

exports.activate = async (context) => {
  context.subscriptions.push(commands.registerCommand("cnnspec.restart", restart));
  const changed = (event) => event.affectsConfiguration("cnnspec.command") && restart();
  context.subscriptions.push(workspace.onDidChangeConfiguration(changed));
  await start();
};

exports.deactivate = () => client?.stop();
