/**
 * Every verb, in the groups in which help shows them. One line here is all that makes a verb known: its class is loaded
 * when it is used and not before.
 */
import type { CommandClass } from './base.ts'

export type VerbGroup =
  | 'Start'
  | 'Change'
  | 'Look'
  | 'Roll out'
  | 'Scale'
  | 'Work'
  | 'Secrets'
  | 'Context'
  | 'Store'
  | 'About'

export interface Verb {
  /** One word or two: `get`, `rollout status`. */
  readonly name: string
  readonly group: VerbGroup
  readonly summary: string
  /** Another name of a verb, or not for people: left out of help and the reference. */
  readonly isHidden?: boolean
  readonly load: () => Promise<CommandClass>
}

export const VERBS: readonly Verb[] = [
  {
    name: 'up',
    group: 'Start',
    summary: 'Run the control plane and this machine’s agent',
    load: async () => (await import('./up.ts')).Up,
  },
  {
    name: 'controller',
    group: 'Start',
    summary: 'Run the controllers without an agent, one leading of several',
    load: async () => (await import('./controller.ts')).Controller,
  },
  {
    name: 'agent',
    group: 'Start',
    summary: 'Run this machine’s agent alone, as a node that has joined',
    load: async () => (await import('./agent.ts')).Agent,
  },
  {
    name: 'node token',
    group: 'Start',
    summary: 'Tokens with which machines join: list, create, delete',
    load: async () => (await import('./node-token.ts')).NodeToken,
  },
  {
    name: 'node access',
    group: 'Start',
    summary: 'Let somebody use exec, logs, cp and port-forward from another machine',
    load: async () => (await import('./node-access.ts')).NodeAccess,
  },
  {
    name: 'node bootstrap',
    group: 'Start',
    summary: 'Make a machine that is reached over SSH a node: install, join, start its agent',
    load: async () => (await import('./node-bootstrap.ts')).NodeBootstrap,
  },
  {
    name: 'node add',
    group: 'Start',
    summary: 'Make a machine a node that is looked after over SSH',
    load: async () => (await import('./node-add.ts')).NodeAdd,
  },
  {
    name: 'down',
    group: 'Start',
    summary: 'Stop the daemon and every workload, and remove what nsctl made here',
    load: async () => (await import('./down.ts')).Down,
  },
  {
    name: 'apply',
    group: 'Change',
    summary: 'Make what manifests say true',
    load: async () => (await import('./apply.ts')).Apply,
  },
  {
    name: 'create',
    group: 'Change',
    summary: 'Create what manifests say, unless it is there',
    load: async () => (await import('./create.ts')).Create,
  },
  {
    name: 'create namespace',
    group: 'Change',
    summary: 'Create a namespace',
    load: async () => (await import('./create-namespace.ts')).CreateNamespace,
  },
  {
    name: 'create ns',
    group: 'Change',
    summary: 'Create a namespace',
    isHidden: true,
    load: async () => (await import('./create-namespace.ts')).CreateNamespace,
  },
  {
    name: 'create secret',
    group: 'Change',
    summary: 'Seal values into a new Secret',
    load: async () => (await import('./secret-create.ts')).CreateSecret,
  },
  {
    name: 'create config',
    group: 'Change',
    summary: 'Create a Config from values and files',
    load: async () => (await import('./create-config.ts')).CreateConfig,
  },
  {
    name: 'delete',
    group: 'Change',
    summary: 'Delete objects and what they own',
    load: async () => (await import('./delete.ts')).Delete,
  },
  {
    name: 'edit',
    group: 'Change',
    summary: 'Edit an object in your editor',
    load: async () => (await import('./edit.ts')).Edit,
  },
  {
    name: 'patch',
    group: 'Change',
    summary: 'Change some fields of an object',
    load: async () => (await import('./patch.ts')).Patch,
  },
  {
    name: 'label',
    group: 'Change',
    summary: 'Set and remove labels',
    load: async () => (await import('./label.ts')).Label,
  },
  {
    name: 'annotate',
    group: 'Change',
    summary: 'Set and remove annotations',
    load: async () => (await import('./annotate.ts')).Annotate,
  },
  {
    name: 'cordon',
    group: 'Change',
    summary: 'Place nothing new on nodes',
    load: async () => (await import('./cordon.ts')).Cordon,
  },
  {
    name: 'uncordon',
    group: 'Change',
    summary: 'Place on nodes again, and end their draining',
    load: async () => (await import('./cordon.ts')).Uncordon,
  },
  {
    name: 'drain',
    group: 'Change',
    summary: 'Move what runs on nodes elsewhere, and place nothing new there',
    load: async () => (await import('./drain.ts')).Drain,
  },
  {
    name: 'rebalance',
    group: 'Look',
    summary: 'Propose moves after which instances would stand better',
    load: async () => (await import('./rebalance.ts')).Rebalance,
  },
  {
    name: 'taint',
    group: 'Change',
    summary: 'Keep instances away from nodes that do not tolerate them',
    load: async () => (await import('./taint.ts')).Taint,
  },
  {
    name: 'validate',
    group: 'Change',
    summary: 'Check manifests without applying them',
    load: async () => (await import('./validate.ts')).Validate,
  },
  {
    name: 'diff',
    group: 'Change',
    summary: 'What applying manifests would change',
    load: async () => (await import('./diff.ts')).Diff,
  },
  {
    name: 'get',
    group: 'Look',
    summary: 'List objects, or show some of them',
    load: async () => (await import('./get.ts')).Get,
  },
  {
    name: 'describe',
    group: 'Look',
    summary: 'Everything about one object, and why it is as it is',
    load: async () => (await import('./describe.ts')).Describe,
  },
  {
    name: 'top',
    group: 'Look',
    summary: 'What nodes, services and instances use',
    load: async () => (await import('./top.ts')).Top,
  },
  {
    name: 'watch',
    group: 'Look',
    summary: 'Services, instances and events, live in one screen',
    load: async () => (await import('./watch.ts')).Watch,
  },
  {
    name: 'events',
    group: 'Look',
    summary: 'What happened lately, oldest first',
    load: async () => (await import('./events.ts')).Events,
  },
  {
    name: 'history',
    group: 'Look',
    summary: 'Revisions of an object: when, by whom, from where, what changed',
    load: async () => (await import('./history.ts')).History,
  },
  {
    name: 'wait',
    group: 'Look',
    summary: 'Wait until objects have a condition, a value, or are gone',
    load: async () => (await import('./wait.ts')).Wait,
  },
  {
    name: 'scale',
    group: 'Roll out',
    summary: 'Set how many instances should run',
    load: async () => (await import('./scale.ts')).Scale,
  },
  {
    name: 'rollback',
    group: 'Roll out',
    summary: 'Make a new revision out of an old one',
    load: async () => (await import('./rollback.ts')).Rollback,
  },
  {
    name: 'rollout status',
    group: 'Roll out',
    summary: 'Wait until a change is rolled out, and say how far it is',
    load: async () => (await import('./rollout-status.ts')).RolloutStatus,
  },
  {
    name: 'rollout restart',
    group: 'Roll out',
    summary: 'Replace every instance of a service, as its update strategy says',
    load: async () => (await import('./rollout-restart.ts')).RolloutRestart,
  },
  {
    name: 'rollout pause',
    group: 'Roll out',
    summary: 'Hold changes of a service back, or a change that is under way where it is',
    load: async () => (await import('./rollout-pause.ts')).RolloutPause,
  },
  {
    name: 'rollout resume',
    group: 'Roll out',
    summary: 'Let changes of a service go on that were paused',
    load: async () => (await import('./rollout-resume.ts')).RolloutResume,
  },
  {
    name: 'rollout promote',
    group: 'Roll out',
    summary: 'End the pause or analysis that a rollout is at, or with --full all that is left',
    load: async () => (await import('./rollout-promote.ts')).RolloutPromote,
  },
  {
    name: 'rollout abort',
    group: 'Roll out',
    summary: 'Give a change up that is being rolled out, and go back to the last good one',
    load: async () => (await import('./rollout-abort.ts')).RolloutAbort,
  },
  {
    name: 'rollout undo',
    group: 'Roll out',
    summary: 'Go back to an earlier revision, as rollback does',
    load: async () => (await import('./rollout-undo.ts')).RolloutUndo,
  },
  {
    name: 'rollout history',
    group: 'Roll out',
    summary: 'Revisions of a service, as history shows them',
    load: async () => (await import('./rollout-history.ts')).RolloutHistory,
  },
  {
    name: 'scaler history',
    group: 'Scale',
    summary: 'What a scaler decided: when, from how many to how many, and why',
    load: async () => (await import('./scaler-history.ts')).ScalerHistory,
  },
  {
    name: 'scaler explain',
    group: 'Scale',
    summary: 'A decision of a scaler in full: what went in, and what each step made of it',
    load: async () => (await import('./scaler-explain.ts')).ScalerExplain,
  },
  {
    name: 'scaler pause',
    group: 'Scale',
    summary: 'Keep a scaler from changing the number, in both directions or one',
    load: async () => (await import('./scaler-pause.ts')).ScalerPause,
  },
  {
    name: 'scaler resume',
    group: 'Scale',
    summary: 'Let a scaler that is paused go on',
    load: async () => (await import('./scaler-resume.ts')).ScalerResume,
  },
  {
    name: 'scaler trigger',
    group: 'Scale',
    summary: 'Have a scaler look at its triggers now, and show what it decides',
    load: async () => (await import('./scaler-trigger.ts')).ScalerTrigger,
  },
  {
    name: 'simulate',
    group: 'Scale',
    summary: 'Try a ScaledObject on a demand that was, beside other policies',
    load: async () => (await import('./simulate.ts')).Simulate,
  },
  {
    name: 'logs',
    group: 'Work',
    summary: 'What instances wrote',
    load: async () => (await import('./logs.ts')).Logs,
  },
  {
    name: 'exec',
    group: 'Work',
    summary: 'Run a command beside a program, as it sees the machine',
    load: async () => (await import('./exec.ts')).Exec,
  },
  {
    name: 'cp',
    group: 'Work',
    summary: 'Copy files and folders from and to an instance',
    load: async () => (await import('./cp.ts')).Cp,
  },
  {
    name: 'port-forward',
    group: 'Work',
    summary: 'Forward ports of this machine to an instance, on whichever node',
    load: async () => (await import('./port-forward.ts')).PortForward,
  },
  {
    name: 'secret create',
    group: 'Secrets',
    summary: 'Seal values into a new Secret',
    load: async () => (await import('./secret-create.ts')).SecretCreate,
  },
  {
    name: 'secret edit',
    group: 'Secrets',
    summary: 'Edit the values of a Secret in your editor',
    load: async () => (await import('./secret-edit.ts')).SecretEdit,
  },
  {
    name: 'secret rotate',
    group: 'Secrets',
    summary: 'Give keys of a Secret new values',
    load: async () => (await import('./secret-rotate.ts')).SecretRotate,
  },
  {
    name: 'secret rekey',
    group: 'Secrets',
    summary: 'Seal the same values to the present recipients',
    load: async () => (await import('./secret-rekey.ts')).SecretRekey,
  },
  {
    name: 'secret recipients',
    group: 'Secrets',
    summary: 'Whom Secrets are sealed to: list, add, remove, trust',
    load: async () => (await import('./secret-recipients.ts')).SecretRecipients,
  },
  {
    name: 'secret reveal',
    group: 'Secrets',
    summary: 'Open a Secret and print its values',
    load: async () => (await import('./secret-reveal.ts')).SecretReveal,
  },
  {
    name: 'secret seal',
    group: 'Secrets',
    summary: 'Make manifests of Secrets safe to commit',
    load: async () => (await import('./secret-seal.ts')).SecretSeal,
  },
  {
    name: 'secret identity',
    group: 'Secrets',
    summary: 'Show, back up and bring back what opens Secrets',
    load: async () => (await import('./secret-identity.ts')).SecretIdentity,
  },
  {
    name: 'node trust',
    group: 'Secrets',
    summary: 'Say which key a node has, so that it gets its Secrets',
    load: async () => (await import('./node-trust.ts')).NodeTrust,
  },
  {
    name: 'config get-contexts',
    group: 'Context',
    summary: 'Contexts that there are, and which is the current one',
    load: async () => (await import('./config-get-contexts.ts')).ConfigGetContexts,
  },
  {
    name: 'config current-context',
    group: 'Context',
    summary: 'The name of the current context',
    load: async () => (await import('./config-current-context.ts')).ConfigCurrentContext,
  },
  {
    name: 'config use-context',
    group: 'Context',
    summary: 'Make a context the current one',
    load: async () => (await import('./config-use-context.ts')).ConfigUseContext,
  },
  {
    name: 'config set-context',
    group: 'Context',
    summary: 'Make a context, or change what it says',
    load: async () => (await import('./config-set-context.ts')).ConfigSetContext,
  },
  {
    name: 'config rename-context',
    group: 'Context',
    summary: 'Give a context another name',
    load: async () => (await import('./config-rename-context.ts')).ConfigRenameContext,
  },
  {
    name: 'config delete-context',
    group: 'Context',
    summary: 'Forget a context; its store stays as it is',
    load: async () => (await import('./config-delete-context.ts')).ConfigDeleteContext,
  },
  {
    name: 'config view',
    group: 'Context',
    summary: 'The file of contexts, without its secrets',
    load: async () => (await import('./config-view.ts')).ConfigView,
  },
  {
    name: 'store export',
    group: 'Store',
    summary: 'Write all that the store holds into one file',
    load: async () => (await import('./store-export.ts')).StoreExport,
  },
  {
    name: 'store import',
    group: 'Store',
    summary: 'Fill an empty store with what an export holds',
    load: async () => (await import('./store-import.ts')).StoreImport,
  },
  {
    name: 'store migrate',
    group: 'Store',
    summary: 'Copy the store into another one, of any engine',
    load: async () => (await import('./store-migrate.ts')).StoreMigrate,
  },
  {
    name: 'store check',
    group: 'Store',
    summary: 'Whether what the store holds fits together',
    load: async () => (await import('./store-check.ts')).StoreCheck,
  },
  {
    name: 'store stats',
    group: 'Store',
    summary: 'How much of what the store holds',
    load: async () => (await import('./store-stats.ts')).StoreStats,
  },
  {
    name: 'store upgrade',
    group: 'Store',
    summary: 'Bring a store that an earlier nsctl made to the present format',
    load: async () => (await import('./store-upgrade.ts')).StoreUpgrade,
  },
  {
    name: 'api-resources',
    group: 'About',
    summary: 'Kinds that there are, their names and short names',
    load: async () => (await import('./api-resources.ts')).ApiResources,
  },
  {
    name: 'explain',
    group: 'About',
    summary: 'The fields of a kind: type, default, meaning',
    load: async () => (await import('./explain.ts')).Explain,
  },
  {
    name: 'completion',
    group: 'About',
    summary: 'Completion for bash, zsh or fish',
    load: async () => (await import('./completion.ts')).Completion,
  },
  {
    name: 'help',
    group: 'About',
    summary: 'Help on a command',
    load: async () => (await import('./help-command.ts')).Help,
  },
  {
    name: 'version',
    group: 'About',
    summary: 'Versions of nsctl and of the daemon',
    load: async () => (await import('./version.ts')).Version,
  },
  {
    name: '__complete',
    group: 'About',
    summary: 'What could follow on a command line, for the completion of shells',
    isHidden: true,
    load: async () => (await import('./complete.ts')).Complete,
  },
]

export const VERB_NAMES: ReadonlySet<string> = new Set(VERBS.map((verb) => verb.name))
