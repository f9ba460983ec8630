// Generated from crds/ by `npm run generate`. Do not edit.

/**
 * The kinds as they are read from the store, defaults filled in: a member that has a default is required here, though a
 * manifest may leave it out. Aliases rather than interfaces, so that they are assignable to JsonObject.
 */
import type { JsonObject } from '../../core/json.ts'
import type { Condition, Resource } from '../object.ts'

/** The authority. */
export type AuthoritySpec = {
  /** Its certificate, as PEM. */
  readonly certificate: string
  /** Its private key, sealed with age to the control plane alone. */
  readonly sealedKey: string
}

/** Who uses it. */
export type AuthorityStatus = {
  /** Where nodes join, as host:port. */
  readonly listeners?: readonly string[]
}

/** The certificate authority of the nodes; there is one, `nodes`, made when a controller first listens for nodes that join. */
export type Authority = Resource<AuthoritySpec, AuthorityStatus> & {
  readonly spec: AuthoritySpec
}

export type ClusterTriggerAuthenticationKeyTarget = {
  /** The trigger's parameter, as its documentation names it. */
  readonly parameter: string
  /** The Secret or the Config. */
  readonly name: string
  /** Its key. */
  readonly key: string
}

export type ClusterTriggerAuthenticationEnv = {
  /** The trigger's parameter. */
  readonly parameter: string
  /** The variable. */
  readonly name: string
  /** Which program of a group. */
  readonly containerName?: string
}

/** A key of a Secret that holds the token. */
export type ClusterTriggerAuthenticationTokenFrom = {
  /** The Secret. */
  readonly name: string
  /** Its key. */
  readonly key: string
}

/** What to log in with. */
export type ClusterTriggerAuthenticationCredential = {
  /** A token in the clear, as KEDA has it; tokenFrom is better. */
  readonly token?: string
  /** Of kubernetes. */
  readonly serviceAccount?: string
  /** Of kubernetes. */
  readonly serviceAccountName?: string
  /** A key of a Secret that holds the token. */
  readonly tokenFrom?: ClusterTriggerAuthenticationTokenFrom
}

export type ClusterTriggerAuthenticationSecrets = {
  /** The trigger's parameter. */
  readonly parameter: string
  /** The secret's path with its mount: secret/data/queue. */
  readonly path: string
  /** Its key. */
  readonly key: string
  /** secretV2 where left out. */
  readonly type?: '' | 'generic' | 'secretV2' | 'secret' | 'pki'
  /** Of pki, which cannot act. */
  readonly pkiData?: JsonObject
}

/** Parameters from Vault's key-value engine. */
export type ClusterTriggerAuthenticationHashiCorpVault = {
  /** Vault's own address. */
  readonly address: string
  /** Vault's namespace. */
  readonly namespace?: string
  /** token; kubernetes is stored and cannot act. */
  readonly authentication: 'token' | 'kubernetes'
  /** Of kubernetes. */
  readonly role?: string
  /** Of kubernetes. */
  readonly mount?: string
  /** What to log in with. */
  readonly credential?: ClusterTriggerAuthenticationCredential
  /** What is taken. */
  readonly secrets: readonly ClusterTriggerAuthenticationSecrets[]
}

/** Which parameters come from where. What is named later goes before what is named earlier. */
export type ClusterTriggerAuthenticationSpec = {
  /** Parameters from keys of Secrets. */
  readonly secretTargetRef?: readonly ClusterTriggerAuthenticationKeyTarget[]
  /** Parameters from keys of Configs. */
  readonly configMapTargetRef?: readonly ClusterTriggerAuthenticationKeyTarget[]
  /** Parameters from variables: of the target's own environment as its template says it, or else of the control plane's, where only names that begin with NSCTL_VALUE_ can be named. */
  readonly env?: readonly ClusterTriggerAuthenticationEnv[]
  /** Parameters from Vault's key-value engine. */
  readonly hashiCorpVault?: ClusterTriggerAuthenticationHashiCorpVault
  /** KEDA's for other platforms: stored, and cannot act. */
  readonly podIdentity?: JsonObject
  /** KEDA's for other platforms: stored, and cannot act. */
  readonly azureKeyVault?: JsonObject
  /** KEDA's for other platforms: stored, and cannot act. */
  readonly gcpSecretManager?: JsonObject
  /** KEDA's for other platforms: stored, and cannot act. */
  readonly awsSecretManager?: JsonObject
  /** KEDA's for other platforms: stored, and cannot act. */
  readonly oauth2?: JsonObject
  /** KEDA's; stored, and cannot act. */
  readonly filePath?: string
  /** KEDA's; stored, and cannot act. */
  readonly boundServiceAccountToken?: readonly JsonObject[]
}

/** What is. Written by nsctl. */
export type ClusterTriggerAuthenticationStatus = {
  /** The generation that this status is about. */
  readonly observedGeneration?: number
  /** Secrets that it names, for tables. */
  readonly secretsText?: string
  /** Scalers that use it. */
  readonly usedBy?: string
  /** What is wrong in a line; absent when nothing is. */
  readonly summary?: string
  /** Ready: every parameter can be had. */
  readonly conditions?: readonly Condition[]
}

/** As TriggerAuthentication, for all namespaces. What it names is in the namespace nsctl. */
export type ClusterTriggerAuthentication = Resource<ClusterTriggerAuthenticationSpec, ClusterTriggerAuthenticationStatus> & {
  readonly spec: ClusterTriggerAuthenticationSpec
}

/** The settings. */
export type ConfigSpec = {
  /** Values by name, for variables and small files. */
  readonly data?: Readonly<Record<string, string>>
  /** Whole files by file name. A name is either here or in `data`. */
  readonly files?: Readonly<Record<string, string>>
  /** Refuses every change of `data` and `files` from then on; what is immutable stays so until it is deleted. */
  readonly immutable: boolean
}

/** What is. Written by nsctl. */
export type ConfigStatus = {
  /** The generation that this status is about. */
  readonly observedGeneration?: number
  /** Names the content; the same for equal content. */
  readonly version?: string
  /** How many names it has. */
  readonly keys?: number
  /** Services that take it. */
  readonly usedBy?: string
  /** What is wrong in a line; absent when nothing is. */
  readonly summary?: string
}

/** Settings that Services take as environment variables or as files. A change reaches what uses it the way a change of the Service itself would. Everybody who may read the store may read them: what is secret belongs into a Secret. */
export type Config = Resource<ConfigSpec, ConfigStatus> & {
  readonly spec: ConfigSpec
}

/** What it is called. */
export type CustomResourceDefinitionNames = {
  /** CamelCase, as in manifests. */
  readonly kind: string
  /** Accepted and not used. */
  readonly listKind?: string
  /** As in get. */
  readonly plural: string
  /** The kind in lower case by default. */
  readonly singular?: string
  /** Abbreviations. */
  readonly shortNames?: readonly string[]
  /** Groups of kinds, such as all. */
  readonly categories?: readonly string[]
}

/** A field that has another name or another place. */
export type CustomResourceDefinitionMoveRule = {
  /** .spec.size */
  readonly from: string
  /** .spec.scaling.replicas */
  readonly to: string
}

/** A field whose values have other names. */
export type CustomResourceDefinitionValuesRule = {
  /** .spec.mode */
  readonly from: string
  /** .spec.mode */
  readonly to: string
  /** Each value in this version, and what it is in the stored one. */
  readonly map: JsonObject
}

/** One value in this version, a list in the stored one. */
export type CustomResourceDefinitionWrapRule = {
  /** .spec.host */
  readonly from: string
  /** .spec.hosts */
  readonly to: string
}

/** A list in this version, one value in the stored one. */
export type CustomResourceDefinitionUnwrapRule = {
  /** .spec.zones */
  readonly from: string
  /** .spec.zone */
  readonly to: string
}

/** What only one of both has and requires. */
export type CustomResourceDefinitionSetRule = {
  /** Where it is this version that has it. */
  readonly from?: string
  /** Where it is the stored one. */
  readonly to?: string
  /** What it is. */
  readonly value: unknown
}

/** One of its members. */
export type CustomResourceDefinitionConversionRule = {
  /** A field that has another name or another place. */
  readonly move?: CustomResourceDefinitionMoveRule
  /** A field whose values have other names. */
  readonly values?: CustomResourceDefinitionValuesRule
  /** One value in this version, a list in the stored one. */
  readonly wrap?: CustomResourceDefinitionWrapRule
  /** A list in this version, one value in the stored one. */
  readonly unwrap?: CustomResourceDefinitionUnwrapRule
  /** What only one of both has and requires. */
  readonly set?: CustomResourceDefinitionSetRule
}

/** The rules of one version. */
export type CustomResourceDefinitionVersionConversion = {
  /** v1alpha1 */
  readonly version: string
  /** Each says one of move, values, wrap, unwrap, set, with `from`, a field of this version, and `to`, one of the stored version, such as .spec.replicas or .spec.ports[*].name. */
  readonly rules: readonly CustomResourceDefinitionConversionRule[]
}

/** How objects of one version become objects of another, where there are several. */
export type CustomResourceDefinitionConversion = {
  /** None: only apiVersion changes, and fields that the other version lacks are dropped, as in Kubernetes. Declared: by the rules of `versions`, and what the other version lacks is kept in an annotation. */
  readonly strategy: 'None' | 'Declared'
  /** The rules between each version and the stored one. A version without any has the same fields. */
  readonly versions?: readonly CustomResourceDefinitionVersionConversion[]
}

/** Status is written apart from spec. */
export type CustomResourceDefinitionStatusSubresource = Readonly<Record<string, never>>

/** What `nsctl scale` changes. */
export type CustomResourceDefinitionScaleSubresource = {
  /** .spec.replicas */
  readonly specReplicasPath: string
  /** .status.replicas */
  readonly statusReplicasPath?: string
  /** Accepted and not used. */
  readonly labelSelectorPath?: string
}

/** status and scale. */
export type CustomResourceDefinitionSubresources = {
  /** Status is written apart from spec. */
  readonly status?: CustomResourceDefinitionStatusSubresource
  /** What `nsctl scale` changes. */
  readonly scale?: CustomResourceDefinitionScaleSubresource
}

export type CustomResourceDefinitionColumn = {
  /** The heading. */
  readonly name: string
  /** How it is shown. */
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  /** Accepted and not used. */
  readonly format?: string
  /** Where the value stands. */
  readonly jsonPath: string
  /** What it says. */
  readonly description?: string
  /** 0 is always shown; more only with -o wide. */
  readonly priority?: number
}

/** The shape of the objects. */
export type CustomResourceDefinitionVersionSchema = {
  /** An OpenAPI v3 schema as Kubernetes' structural schemas are. */
  readonly openAPIV3Schema: JsonObject
}

export type CustomResourceDefinitionVersion = {
  /** v1alpha1 */
  readonly name: string
  /** Whether it is offered. */
  readonly served: boolean
  /** Whether objects are stored in it; true for exactly one of several. */
  readonly storage?: boolean
  /** Whether apply warns of it. */
  readonly deprecated?: boolean
  /** What apply says then; by default that it is deprecated. */
  readonly deprecationWarning?: string
  /** status and scale. */
  readonly subresources?: CustomResourceDefinitionSubresources
  /** The columns of get. */
  readonly additionalPrinterColumns?: readonly CustomResourceDefinitionColumn[]
  /** The shape of the objects. */
  readonly schema: CustomResourceDefinitionVersionSchema
}

/** The kind. */
export type CustomResourceDefinitionSpec = {
  /** The API group; a DNS name. */
  readonly group: string
  /** Whether its objects live in namespaces. */
  readonly scope: 'Namespaced' | 'Cluster'
  /** Keep revisions of its objects to roll back to. */
  readonly revisioned: boolean
  /** Reserved for nsctl's own kinds. */
  readonly perNode?: boolean
  /** Reserved for nsctl's own kinds. */
  readonly statusApart?: boolean
  /** Reserved for nsctl's own kinds. */
  readonly internal?: boolean
  /** What it is called. */
  readonly names: CustomResourceDefinitionNames
  /** How objects of one version become objects of another, where there are several. */
  readonly conversion?: CustomResourceDefinitionConversion
  /** Shapes of the objects. One of them is stored; get shows the newest that is served. */
  readonly versions: readonly CustomResourceDefinitionVersion[]
}

/** What is. Written by nsctl. */
export type CustomResourceDefinitionStatus = {
  /** Versions in which objects may be stored, the oldest first. Those cannot be removed. */
  readonly storedVersions?: readonly string[]
}

/** A kind of your own: stored, validated, listed and kept in revisions like nsctl's. Its name is `<plural>.<group>`. apiVersion apiextensions.k8s.io/v1 is accepted too. */
export type CustomResourceDefinition = Resource<CustomResourceDefinitionSpec, CustomResourceDefinitionStatus> & {
  readonly spec: CustomResourceDefinitionSpec
}

/** What it is of, in the same namespace. */
export type DeliverySource = {
  /** Config or Secret. */
  readonly kind: 'Config' | 'Secret'
  /** Its name. */
  readonly name: string
}

/** What it is. Written by the control plane. */
export type DeliverySpec = {
  /** The node that it is for. */
  readonly node: string
  /** What it is of, in the same namespace. */
  readonly source: DeliverySource
  /** The version of the content. */
  readonly version: string
  /** A Config's values by name. */
  readonly values?: Readonly<Record<string, string>>
  /** The node's key that a Secret's values are sealed to. */
  readonly recipient?: string
  /** A Secret's values: an armored age file. */
  readonly sealed?: string
}

/** What is. Written by the node's agent. */
export type DeliveryStatus = {
  /** Whether the node could open it. */
  readonly phase?: 'Opened' | 'Failed'
  /** What is wrong in a line; absent when nothing is. */
  readonly message?: string
}

/** One version of a Config or a Secret on a node that runs what uses it; of a Secret, sealed to that node alone. Written by nsctl. */
export type Delivery = Resource<DeliverySpec, DeliveryStatus> & {
  readonly spec: DeliverySpec
}

/** What it happened to. */
export type EventInvolvedObject = {
  /** The kind. */
  readonly kind: string
  /** The namespace. */
  readonly namespace?: string
  /** The name. */
  readonly name: string
  /** Tells it from a later object of the same name. */
  readonly uid?: string
}

/** What happened to an object. Equal events are counted in one; they expire an hour after the last. */
export type ResourceEvent = Resource<never, never> & {
  /** What it happened to. */
  readonly involvedObject: EventInvolvedObject
  /** The same for tables: service/web. */
  readonly objectText?: string
  /** Warning wants attention. */
  readonly type: 'Normal' | 'Warning'
  /** CamelCase, for machines. */
  readonly reason: string
  /** A sentence for people. */
  readonly message: string
  /** Which part of nsctl saw it. */
  readonly source?: string
  /** How often. */
  readonly count?: number
  /** When first. */
  readonly firstTimestamp?: string
  /** When last. */
  readonly lastTimestamp?: string
}

/** Absent where neither a load balancer nor a catalog that the control plane writes has anything to do with it. */
export type InstanceTraffic = {
  /** A load balancer may lead requests to it, or a catalog name it; it is not ended before that is over. */
  readonly led: boolean
  /** How long it may take to be led nothing any more and to finish what it is in the middle of. */
  readonly drainTimeout: string
}

export type InstanceStorage = {
  /** The volume. */
  readonly name: string
  /** Where the program sees it. */
  readonly path: string
}

export type InstanceMaterial = {
  /** Config or Secret. */
  readonly kind: 'Config' | 'Secret'
  /** Its name. */
  readonly name: string
  /** The version of its content. */
  readonly version: string
}

/** What the node's agent should run. Written by the control plane. */
export type InstanceSpec = {
  /** The Service it belongs to; for a Job's, a name that no Service can have. */
  readonly service: string
  /** The Job that it is a run of. */
  readonly job?: string
  /** Never: it runs once, to its end. Always where left out. */
  readonly restartPolicy?: 'Always' | 'Never'
  /** Its number among the Service's instances; storage goes with it. */
  readonly ordinal: number
  /** The node that runs it. */
  readonly node: string
  /** Names the template; units are named after it. */
  readonly templateHash: string
  /** The Service's revision that the template came with, r7. */
  readonly revisionName?: string
  /** Counts instances of the same ordinal and template. */
  readonly attempt: number
  /** The resolved template. */
  readonly template: ServiceTemplate
  /** How important it is, as its PriorityClass said when it was made; 0 where left out. */
  readonly priority?: number
  /** It ends to make room for this, `service/web`. */
  readonly preemptedFor?: string
  /** Absent where neither a load balancer nor a catalog that the control plane writes has anything to do with it. */
  readonly traffic?: InstanceTraffic
  /** No other of its ordinal may run at the same time: its node's lease allows it to, and ends it. */
  readonly unique?: boolean
  /** The volumes it uses. */
  readonly storage?: readonly InstanceStorage[]
  /** What it runs with of Configs and Secrets, each at its version. */
  readonly materials?: readonly InstanceMaterial[]
}

export type InstancePort = {
  /** The port. */
  readonly name: string
  /** Its number. */
  readonly port: number
}

/** How it last ended when it should not have. */
export type InstanceProgramFailure = {
  /** Error, OOMKilled, Signal, ProgramNotFound, LivenessFailed, StartupFailed, LeaseLost, Lost. */
  readonly reason?: string
  /** Its exit status. */
  readonly exitCode?: number
  /** The signal that ended it. */
  readonly signal?: string
  /** When. */
  readonly at?: string
  /** A sentence. */
  readonly message?: string
}

export type InstanceProgramStatus = {
  /** The program; empty where there is only one. */
  readonly name: string
  /** starting, running, stopping, backoff or exited; succeeded or failed where it runs once. */
  readonly state: string
  /** Of its main process. */
  readonly pid?: number
  /** Its readiness probe succeeds. */
  readonly ready?: boolean
  /** Its startup probe has succeeded; absent where it has none. */
  readonly started?: boolean
  /** How often it was started again. */
  readonly restarts?: number
  /** When the present process started. */
  readonly startedAt?: string
  /** How it last ended when it should not have. */
  readonly lastFailure?: InstanceProgramFailure
}

/** The latest of its programs' failures. */
export type InstanceFailure = {
  /** Which. */
  readonly program?: string
  /** What happened. */
  readonly reason?: string
  /** Its exit status. */
  readonly exitCode?: number
  /** The signal that ended it. */
  readonly signal?: string
  /** When. */
  readonly at?: string
  /** A sentence. */
  readonly message?: string
}

/** What is. Written by the node's agent. */
export type InstanceStatus = {
  /** Backoff waits to be started again after a failure; Failed cannot be started at all, or, with restartPolicy Never, has ended with a failure; Succeeded has ended with 0 under that; Stopped has ended for good because its end was asked for. Unknown is how it reads while nothing is heard of its node. */
  readonly phase?: 'Pending' | 'Starting' | 'Running' | 'Backoff' | 'Stopping' | 'Stopped' | 'Succeeded' | 'Failed' | 'Unknown'
  /** All programs run and their readiness probes succeed. */
  readonly ready?: boolean
  /** yes or no, for tables. */
  readonly readyText?: string
  /** When it last became ready. */
  readonly readySince?: string
  /** When the oldest of its running programs started. */
  readonly startedAt?: string
  /** In the middle of something, as its busy probe says; absent where it has none. The annotation nsctl.dev/busy says it as well. */
  readonly busy?: boolean
  /** When that last changed. */
  readonly busySince?: string
  /** How often its programs were started again after they ended. */
  readonly restarts?: number
  /** Of its first program. */
  readonly pid?: number
  /** What is wrong in a line; absent when nothing is. */
  readonly message?: string
  /** CamelCase: CrashLoop, PortInUse, ProgramNotFound, Unready, OOMKilled. */
  readonly reason?: string
  /** The numbers it got. */
  readonly ports?: readonly InstancePort[]
  /** Of what is unique: larger than that of all that ran under its ordinal before. $NSCTL_FENCING_TOKEN of what was started last. */
  readonly fencingToken?: number
  /** What it runs with of Configs and Secrets, each at its version. */
  readonly materials?: readonly InstanceMaterial[]
  /** The same for tables. */
  readonly portsText?: string
  /** CPU used lately in thousandths of a core. */
  readonly cpuMillis?: number
  /** Memory in use. */
  readonly memoryBytes?: number
  /** Fields of the template that this node's runtime cannot enforce. */
  readonly notEnforced?: readonly string[]
  /** Each program of the instance. */
  readonly programs?: readonly InstanceProgramStatus[]
  /** The latest of its programs' failures. */
  readonly lastFailure?: InstanceFailure
  /** Ready; MaterialsPlaced: whether it has what it names of Configs and Secrets; where the store is Consul's also Registered: whether Consul's catalog has it. */
  readonly conditions?: readonly Condition[]
}

/** One replica of a Service on one node. Written by nsctl only; its node never changes. */
export type Instance = Resource<InstanceSpec, InstanceStatus> & {
  readonly spec: InstanceSpec
}

/** What is wanted. Fixed once the Job is made. */
export type JobSpec = {
  /** Instances at once. */
  readonly parallelism: number
  /** Instances that must succeed. */
  readonly completions: number
  /** A Job that takes longer is ended and has failed. */
  readonly activeDeadlineSeconds?: number
  /** Retries before it has failed. They wait 10 s, 20 s, 40 s …, 6 minutes at most. */
  readonly backoffLimit: number
  /** It is removed so long after its end; never where left out. */
  readonly ttlSecondsAfterFinished?: number
  /** The program, as a Service's template says it. Probes are not used. */
  readonly template: ServiceTemplate
  /** On which nodes it runs, as a Service's placement says it, but for the strategy perNode. */
  readonly placement?: ServicePlacement
}

export type JobNomination = {
  /** The Instance to come. */
  readonly instance: string
  /** Where the room is. */
  readonly node: string
}

/** What is. Written by nsctl. */
export type JobStatus = {
  /** The generation that this status is about. */
  readonly observedGeneration?: number
  /** Instances that run or are about to. */
  readonly active?: number
  /** Instances that run. */
  readonly ready?: number
  /** Instances that ended with 0. */
  readonly succeeded?: number
  /** Instances that failed. */
  readonly failed?: number
  /** Uids of Instances that are counted above and still held by the finalizer nsctl.dev/job. */
  readonly counted?: readonly string[]
  /** Runs to come that room is being made for by the end of what is less important. */
  readonly nominations?: readonly JobNomination[]
  /** When it was taken up. */
  readonly startTime?: string
  /** When it ended. */
  readonly completionTime?: string
  /** 0/1, for tables. */
  readonly completionsText?: string
  /** How long it took, for tables. */
  readonly durationText?: string
  /** What is wrong in a line; absent when nothing is. */
  readonly summary?: string
  /** Complete: it succeeded. Failed: it did not. */
  readonly conditions?: readonly Condition[]
}

/** A program to run to completion, with retries. */
export type Job = Resource<JobSpec, JobStatus> & {
  readonly spec: JobSpec
}

/** What it is good for. */
export type JoinTokenSpec = {
  /** The SHA-256 of its secret. */
  readonly digest: string
  /** From when on nobody joins with it. */
  readonly expiresAt: string
  /** How many machines may join with it. */
  readonly uses: number
  /** The only node that joins with it, also where it is there already: it then gets a new credential, and its former one ends. Without it any node joins that is not there yet. */
  readonly node?: string
}

/** What became of it. */
export type JoinTokenStatus = {
  /** How many machines have joined with it. */
  readonly used?: number
  /** Which. */
  readonly nodes?: readonly string[]
}

/** What lets a machine become a node for a short time. Made with `nsctl node token create`, which alone knows its secret: here is a digest of it. One that has expired is removed. */
export type JoinToken = Resource<JoinTokenSpec, JoinTokenStatus> & {
  readonly spec: JoinTokenSpec
}

/** Of Program: what a program gets that states none. cpu is `limits.cpu`; memory, which is asked for and is the limit, is `resources.memory`. Where left out, what `max` says. */
export type LimitRangeAmounts = {
  /** Cores, 500m or 0.5. */
  readonly cpu?: string
  /** Bytes, 128Mi or 1G. */
  readonly memory?: string
}

/** Of Program: the `resources` of a program that states none. Where left out, its own limit, else `default`, else `min`. Memory may stand here or in `default`, which comes to the same. */
export type LimitRangeDefaultRequest = {
  /** Cores, 500m or 0.5. */
  readonly cpu?: string
  /** Bytes, 128Mi or 1G. */
  readonly memory?: string
}

/** The least `resources` that there must be. */
export type LimitRangeMin = {
  /** Cores, 500m or 0.5. */
  readonly cpu?: string
  /** Bytes, 128Mi or 1G. */
  readonly memory?: string
}

/** The most that `resources` and `limits` may be. Who has no limit has too much. */
export type LimitRangeMax = {
  /** Cores, 500m or 0.5. */
  readonly cpu?: string
  /** Bytes, 128Mi or 1G. */
  readonly memory?: string
}

/** How many times as high as `resources.cpu` `limits.cpu` may be. */
export type LimitRangeMaxLimitRequestRatio = {
  /** A number, 2 or 1.5. */
  readonly cpu?: string
}

export type LimitRangeLimit = {
  /** Program speaks of each program by itself; Instance of all programs of an instance together. */
  readonly type: 'Program' | 'Instance'
  /** Of Program: what a program gets that states none. cpu is `limits.cpu`; memory, which is asked for and is the limit, is `resources.memory`. Where left out, what `max` says. */
  readonly default?: LimitRangeAmounts
  /** Of Program: the `resources` of a program that states none. Where left out, its own limit, else `default`, else `min`. Memory may stand here or in `default`, which comes to the same. */
  readonly defaultRequest?: LimitRangeDefaultRequest
  /** The least `resources` that there must be. */
  readonly min?: LimitRangeMin
  /** The most that `resources` and `limits` may be. Who has no limit has too much. */
  readonly max?: LimitRangeMax
  /** How many times as high as `resources.cpu` `limits.cpu` may be. */
  readonly maxLimitRequestRatio?: LimitRangeMaxLimitRequestRatio
}

/** The limits. */
export type LimitRangeSpec = {
  /** Each holds. */
  readonly limits: readonly LimitRangeLimit[]
}

/** What one instance of a namespace may ask for, and what it gets where its template does not say. It acts when instances are made: what a Service says stays as it is, and running instances do too. */
export type LimitRange = Resource<LimitRangeSpec, never> & {
  readonly spec: LimitRangeSpec
}

/** Empty; a namespace is its name. */
export type NamespaceSpec = Readonly<Record<string, never>>

/** What is. Written by nsctl. */
export type NamespaceStatus = {
  /** Terminating refuses whatever is new. */
  readonly phase?: 'Active' | 'Terminating'
  /** What is still in a namespace that is terminating. */
  readonly remaining?: string
}

/** A scope for names. `default` is always there. Deleting one deletes all that is in it, but keeps storage. */
export type Namespace = Resource<NamespaceSpec, NamespaceStatus>

export type NodeTaint = {
  /** Its name, as a label has one. */
  readonly key: string
  /** What a toleration may ask for. */
  readonly value?: string
  /** NoSchedule places nothing there that does not tolerate it, PreferNoSchedule only where nothing else is left, NoExecute also moves away what runs there. */
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'
}

/** What runs there is moved elsewhere, as far as its Services' `disruption` allows, and nothing new is placed there. Daemons stay. `nsctl drain` sets it, `nsctl uncordon` takes it back. */
export type NodeDrain = {
  /** At once, whatever `disruption` says; runs of Jobs too. */
  readonly force?: boolean
}

/** How controllers reach it where no agent of its own runs there: one of them runs its instances from afar. `nsctl node add` sets it. Without it a node has an agent of its own. */
export type NodeSsh = {
  /** Whom to log in as, and where: root@10.0.0.8:22. It is root. */
  readonly target: string
  /** The key that the machine showed when it was added: ssh-ed25519 AAAA…. A machine with another is refused. */
  readonly hostKey: string
  /** Servers on the way there, in their order, written like the target. Controllers know them by their files of known hosts. */
  readonly jumps?: readonly string[]
  /** The key to log in with, on the machines of the controllers. Those of their agents and of ~/.ssh where left out. */
  readonly identityFile?: string
}

/** What people and the control plane say of it. Empty for a node that has just registered itself, but for its identity. */
export type NodeSpec = {
  /** Nothing new is placed there; what runs there stays. `nsctl cordon` and `nsctl uncordon` set it. */
  readonly unschedulable?: boolean
  /** What keeps instances away that do not tolerate it. `nsctl taint` sets them. */
  readonly taints?: readonly NodeTaint[]
  /** Which joining it came of, for a machine that joined with a token: a certificate of another is not renewed. Written by the join listener. */
  readonly joining?: string
  /** What runs there is moved elsewhere, as far as its Services' `disruption` allows, and nothing new is placed there. Daemons stay. `nsctl drain` sets it, `nsctl uncordon` takes it back. */
  readonly drain?: NodeDrain
  /** How controllers reach it where no agent of its own runs there: one of them runs its instances from afar. `nsctl node add` sets it. Without it a node has an agent of its own. */
  readonly ssh?: NodeSsh
  /** The age key that Secrets are sealed to for this node. Pinned when the node is first heard of; `nsctl node trust` changes it. */
  readonly recipient?: string
}

/** What it has. */
export type NodeCapacity = {
  /** Cores. */
  readonly cpu?: string
  /** Bytes. */
  readonly memory?: string
}

/** What instances may ask for: its capacity less what is kept for the system. */
export type NodeAllocatable = {
  /** Cores. */
  readonly cpu?: string
  /** Bytes. */
  readonly memory?: string
}

/** What is. Written by the node's agent; that it is not heard of, by the control plane. */
export type NodeStatus = {
  /** NotReady has not been heard of lately. */
  readonly phase?: 'Ready' | 'NotReady'
  /** What runs programs there. */
  readonly runtime?: string
  /** nsctl's version there. */
  readonly version?: string
  /** Operating system and kernel. */
  readonly os?: string
  /** The age key that the node says it has. Sealed to only where it is the pinned one. */
  readonly recipient?: string
  /** Changes with every boot. */
  readonly bootId?: string
  /** Instances that it runs. */
  readonly instances?: number
  /** What a template's `runtime` may ask for there. */
  readonly runtimes?: readonly string[]
  /** Fields of a Service that do not act under this runtime. */
  readonly cannot?: readonly string[]
  /** What it has. */
  readonly capacity?: NodeCapacity
  /** What instances may ask for: its capacity less what is kept for the system. */
  readonly allocatable?: NodeAllocatable
  /** The load balancer there that leads requests to exposed Services: Caddy at 127.0.0.1:2019. */
  readonly balancer?: string
  /** Where its metrics are scraped: http://127.0.0.1:9464/metrics. */
  readonly metricsUrl?: string
  /** Where its agent answers `nsctl logs`, `exec`, `cp` and `port-forward`, under its node's certificate: 10.0.0.7:9444. */
  readonly listener?: string
  /** Where its instances are reached. */
  readonly addresses?: readonly string[]
  /** Ready. IdentityVerified: the node has the key that is pinned. MemoryPressure and DiskPressure: it runs out of the one or the other. Listening: whether its agent answers operators on other machines, and if not, why. */
  readonly conditions?: readonly Condition[]
}

/** A machine that runs instances. It registers itself when its agent starts; labels, taints and whether anything new may be placed there are yours to say. */
export type Node = Resource<NodeSpec, NodeStatus>

/** The priority. */
export type PriorityClassSpec = {
  /** The higher, the more important. What has no class has 0, or that of the global default. */
  readonly value: number
  /** Holds for what names no class. Of several the one with the lowest value. */
  readonly globalDefault: boolean
  /** Never goes first of what waits, and ends nothing. */
  readonly preemptionPolicy: 'PreemptLowerPriority' | 'Never'
  /** What it is for. */
  readonly description?: string
}

/** How important what names it in `placement.priorityClassName` is. Of what waits for a node the more important goes first, and where no node has room what is less important is ended for it. An instance keeps the priority that it was made with. */
export type PriorityClass = Resource<PriorityClassSpec, never> & {
  readonly spec: PriorityClassSpec
}

/** Who it is. */
export type RecipientSpec = {
  /** The public half of an age identity. */
  readonly key: string
  /** What it may do with what it opens. There is one of the control plane. */
  readonly role: 'Operator' | 'ControlPlane'
  /** Who or which machine holds the identity. */
  readonly comment?: string
}

/** Somebody whom Secrets are sealed to: an operator, or the control plane. Added and removed with `nsctl secret recipients`. Nodes are none: the control plane gives each of them what it needs. */
export type Recipient = Resource<RecipientSpec, never> & {
  readonly spec: RecipientSpec
}

/** How much there may be. */
export type ResourceQuotaSpec = {
  /** By name: requests.cpu (also cpu) and requests.memory (also memory) of all instances' `resources`, limits.cpu of their `limits`, limits.memory (as requests.memory: an instance gets no more than it asks for), instances, and count/ with a kind of object, such as count/services, count/jobs and count/configs. Where one of the first four is limited, every program has to state it. */
  readonly hard: Readonly<Record<string, number | string>>
}

/** What is. Written by nsctl. */
export type ResourceQuotaStatus = {
  /** The generation that this status is about. */
  readonly observedGeneration?: number
  /** What holds, by name. */
  readonly hard?: Readonly<Record<string, string>>
  /** How much of it is in use, by name. What is ending counts until it has ended; what is on a lost node does not. */
  readonly used?: Readonly<Record<string, string>>
  /** Moves whenever something that is counted is made, so that of two at once each knows of the other. */
  readonly admissions?: number
  /** `requests.cpu 1500m/2, instances 3/10`, for tables. */
  readonly usedText?: string
  /** What is wrong in a line; absent when nothing is. */
  readonly summary?: string
}

/** What all that is in a namespace may have together. Instances beyond it wait until there is room; objects beyond it are refused. Where there are several, each holds by itself. */
export type ResourceQuota = Resource<ResourceQuotaSpec, ResourceQuotaStatus> & {
  readonly spec: ResourceQuotaSpec
}

export type RouteBackends = {
  /** The Instance. */
  readonly instance: string
  /** The node that it is on. */
  readonly node: string
  /** Where that node's instances are reached. */
  readonly address: string
  /** The port there. */
  readonly port: number
  /** Its part of the requests, of the sum of all. */
  readonly weight: number
}

/** What should be led where. Written by the control plane. */
export type RouteSpec = {
  /** The node whose load balancer it is for. */
  readonly node: string
  /** The Service, in the same namespace. */
  readonly service: string
  /** Where it is reached. */
  readonly url: string
  /** Host names; every one where empty. */
  readonly hosts: readonly string[]
  /** That path and all below it. */
  readonly path: string
  /** Where the load balancer listens, :443. */
  readonly listen: string
  /** Who makes the certificate. */
  readonly tls: 'automatic' | 'internal' | 'off'
  /** What keeps a client at one instance. */
  readonly affinity: 'none' | 'cookie' | 'ip'
  /** A ScaledObject scales the Service, and is to hear of requests. */
  readonly scaled?: boolean
  /** Instances that requests may be led to. */
  readonly backends: readonly RouteBackends[]
}

/** What is. Written by the node's agent. */
export type RouteStatus = {
  /** No request begins any more that this generation of spec does not lead. */
  readonly ledGeneration?: number
  /** Instances that requests are led to. */
  readonly backends?: number
  /** Whether the load balancer does it. */
  readonly phase?: 'Led' | 'Failed'
  /** CamelCase: Unreachable, Refused, Conflict. */
  readonly reason?: string
  /** What is wrong in a line; absent when nothing is. */
  readonly message?: string
  /** When requests last came in; of a Service that is scaled, and written every 10 s at most. */
  readonly requestedAt?: string
  /** When a request last had to wait because there was no instance. */
  readonly heldAt?: string
}

/** What the load balancer of one node leads to one exposed Service. Written by nsctl. */
export type Route = Resource<RouteSpec, RouteStatus> & {
  readonly spec: RouteSpec
}

/** The Job that is made, as a Job's spec says it. */
export type ScaledJobJobTargetRef = {
  /** Instances of one Job at once. */
  readonly parallelism: number
  /** Instances of one Job that must succeed. */
  readonly completions: number
  /** A Job that takes longer has failed. */
  readonly activeDeadlineSeconds?: number
  /** Retries before a Job has failed. */
  readonly backoffLimit: number
  /** An ended Job is removed after so long. */
  readonly ttlSecondsAfterFinished?: number
  /** On which nodes its Jobs run, as a Job's placement says it. */
  readonly placement?: ServicePlacement
  /** Kubernetes'; stored, and has no effect. */
  readonly completionMode?: boolean | number | string | JsonObject
  /** Kubernetes'; stored, and has no effect. */
  readonly suspend?: boolean | number | string | JsonObject
  /** Kubernetes'; stored, and has no effect. */
  readonly selector?: boolean | number | string | JsonObject
  /** Kubernetes'; stored, and has no effect. */
  readonly manualSelector?: boolean | number | string | JsonObject
  /** Kubernetes'; stored, and has no effect. */
  readonly podFailurePolicy?: boolean | number | string | JsonObject
  /** Kubernetes'; stored, and has no effect. */
  readonly successPolicy?: boolean | number | string | JsonObject
  /** Kubernetes'; stored, and has no effect. */
  readonly backoffLimitPerIndex?: boolean | number | string | JsonObject
  /** Kubernetes'; stored, and has no effect. */
  readonly maxFailedIndexes?: boolean | number | string | JsonObject
  /** Kubernetes'; stored, and has no effect. */
  readonly podReplacementPolicy?: boolean | number | string | JsonObject
  /** Kubernetes'; stored, and has no effect. */
  readonly managedBy?: boolean | number | string | JsonObject
  /** The program, as a Service's template says it. KEDA's (spec.containers) is stored, and cannot act: there are no container images here. */
  readonly template: JsonObject
}

/** What a change of this object does to Jobs that run. */
export type ScaledJobRollout = {
  /** default and immediate end them and make new ones; gradual lets them finish. */
  readonly strategy: 'default' | 'immediate' | 'gradual'
  /** Whether new Jobs wait for the old ones' end (foreground). */
  readonly propagationPolicy: 'background' | 'foreground'
}

/** How many Jobs are made. */
export type ScaledJobScalingStrategy = {
  /** default, custom, accurate or eager, as KEDA has them. */
  readonly strategy: 'default' | 'custom' | 'accurate' | 'eager'
  /** custom: taken off the queue's length. */
  readonly customScalingQueueLengthDeduction?: number
  /** custom: the part of running Jobs that counts, 0.5. */
  readonly customScalingRunningJobPercentage?: string
  /** Conditions of an instance that make its Job count as no longer pending; KEDA's PodScheduled, ContainersReady, Ready. */
  readonly pendingPodConditions?: readonly string[]
  /** How several triggers become one number. */
  readonly multipleScalersCalculation: 'max' | 'min' | 'avg' | 'sum'
}

/** Where the parameters come from that are secret. */
export type ScaledJobAuthenticationRef = {
  /** A TriggerAuthentication in the same namespace or a ClusterTriggerAuthentication. */
  readonly name: string
  /** TriggerAuthentication where left out. */
  readonly kind?: 'TriggerAuthentication' | 'ClusterTriggerAuthentication'
}

export type ScaledJobTrigger = {
  /** As in a ScaledObject. */
  readonly type: string
  /** For messages; unique. */
  readonly name?: string
  /** Accepted for KEDA's sake. */
  readonly useCachedMetrics: boolean
  /** The trigger's parameters, as text. */
  readonly metadata: JsonObject
  /** Where the parameters come from that are secret. */
  readonly authenticationRef?: ScaledJobAuthenticationRef
  /** AverageValue, Value or Utilization: how its target is meant; AverageValue where left out. */
  readonly metricType?: string
}

/** What is wanted. */
export type ScaledJobSpec = {
  /** The Job that is made, as a Job's spec says it. */
  readonly jobTargetRef: ScaledJobJobTargetRef
  /** Seconds from one look at the triggers to the next. */
  readonly pollingInterval: number
  /** Jobs kept that succeeded. */
  readonly successfulJobsHistoryLimit: number
  /** Jobs kept that failed. */
  readonly failedJobsHistoryLimit: number
  /** KEDA's; which program the triggers' …FromEnv are read of. */
  readonly envSourceContainerName?: string
  /** Jobs that run at least. */
  readonly minReplicaCount: number
  /** Jobs that run at most. */
  readonly maxReplicaCount: number
  /** Deprecated: rollout.strategy. */
  readonly rolloutStrategy?: 'default' | 'immediate' | 'gradual'
  /** What a change of this object does to Jobs that run. */
  readonly rollout?: ScaledJobRollout
  /** How many Jobs are made. */
  readonly scalingStrategy?: ScaledJobScalingStrategy
  /** What it scales on. */
  readonly triggers: readonly ScaledJobTrigger[]
}

/** What is. Written by nsctl. */
export type ScaledJobStatus = {
  /** The generation that this status is about. */
  readonly observedGeneration?: number
  /** Types of its triggers, for tables. */
  readonly triggersText?: string
  /** yes, no or paused, for tables. */
  readonly activeText?: string
  /** Jobs that have not ended. */
  readonly running?: number
  /** Jobs of which nothing runs yet. */
  readonly pending?: number
  /** Jobs made so far. */
  readonly created?: number
  /** When a trigger was last seen active. Written with other changes. */
  readonly lastActiveTime?: string
  /** The time in the annotation nsctl.dev/poll-requested that the last decision answers. */
  readonly polledFor?: string
  /** The last decision that changed something. */
  readonly decision?: JsonObject
  /** What is wrong in a line; absent when nothing is. */
  readonly summary?: string
  /** Ready: it can act. Active: a trigger is active. Paused: it is paused. */
  readonly conditions?: readonly Condition[]
}

/** Jobs that are made as work comes in, one for each so much of it. Its spec is KEDA's ScaledJob (apiVersion keda.sh/v1alpha1 is accepted). */
export type ScaledJob = Resource<ScaledJobSpec, ScaledJobStatus> & {
  readonly spec: ScaledJobSpec
}

/** The Service that is scaled. */
export type ScaledObjectScaleTargetRef = {
  /** Its name. */
  readonly name: string
  /** nsctl.dev/v1alpha1; apps/v1 means the same. */
  readonly apiVersion?: string
  /** Service where left out; Deployment and StatefulSet mean the same. */
  readonly kind?: string
  /** KEDA's; which program of a group the triggers' …FromEnv are read of. */
  readonly envSourceContainerName?: string
}

export type ScaledObjectHpaPolicy = {
  /** What the value counts. */
  readonly type: 'Pods' | 'Percent'
  /** So many instances or per cent. */
  readonly value: number
  /** In so many seconds. */
  readonly periodSeconds: number
}

/** One direction. */
export type ScaledObjectDirection = {
  /** The calmest wish of so many seconds counts. 0 up and 300 down where left out. */
  readonly stabilizationWindowSeconds?: number
  /** Which of several policies counts; Max where left out. Disabled forbids the direction. */
  readonly selectPolicy?: 'Max' | 'Min' | 'Disabled'
  /** How much in how long. Up: the larger of 4 and 100 % in 15 s, where left out; down: 100 % in 15 s. */
  readonly policies?: readonly ScaledObjectHpaPolicy[]
  /** How far from its target a metric may be before anything changes; 0.1 where left out. */
  readonly tolerance?: number | string
}

/** How fast, per direction. HPA v2's behavior. */
export type ScaledObjectBehavior = {
  /** One direction. */
  readonly scaleUp?: ScaledObjectDirection
  /** One direction. */
  readonly scaleDown?: ScaledObjectDirection
}

/** Settings of HPA v2's algorithm, which decides between 1 and the maximum. */
export type ScaledObjectHorizontalPodAutoscalerConfig = {
  /** Accepted for KEDA's sake; there is no such object here. */
  readonly name?: string
  /** How fast, per direction. HPA v2's behavior. */
  readonly behavior?: ScaledObjectBehavior
}

/** Makes one metric of all triggers. */
export type ScaledObjectScalingModifiers = {
  /** An expression over the triggers' names (expr-lang): `(queue + 2 * cpu) / 3`, `a ?? b`, `count([a, b], {# > 5}) > 1 ? 10 : 0`. */
  readonly formula?: string
  /** What the result is compared with; a positive number as text. */
  readonly target?: number | string
  /** Active above it; 0 where left out. */
  readonly activationTarget?: number | string
  /** Whether the target is per instance. */
  readonly metricType: 'AverageValue' | 'Value'
}

/** How numbers become instances: HPA v2's settings and a formula. */
export type ScaledObjectAdvanced = {
  /** When this object is deleted, the Service gets back the replicas it had before. */
  readonly restoreToOriginalReplicaCount: boolean
  /** Settings of HPA v2's algorithm, which decides between 1 and the maximum. */
  readonly horizontalPodAutoscalerConfig?: ScaledObjectHorizontalPodAutoscalerConfig
  /** Makes one metric of all triggers. */
  readonly scalingModifiers?: ScaledObjectScalingModifiers
}

/** Where the parameters come from that are secret. */
export type ScaledObjectAuthenticationRef = {
  /** A TriggerAuthentication in the same namespace or a ClusterTriggerAuthentication. */
  readonly name: string
  /** TriggerAuthentication where left out. */
  readonly kind?: 'TriggerAuthentication' | 'ClusterTriggerAuthentication'
}

export type ScaledObjectTrigger = {
  /** `nsctl explain trigger` lists those that act, `nsctl explain trigger.redis` what one takes; others of KEDA's are stored and say that they do not. */
  readonly type: string
  /** For formulas, rules and messages; unique. */
  readonly name?: string
  /** Accepted for KEDA's sake. What was polled last is used in any case. */
  readonly useCachedMetrics: boolean
  /** The trigger's parameters, as text: `nsctl explain trigger.redis`. */
  readonly metadata: JsonObject
  /** Where the parameters come from that are secret. */
  readonly authenticationRef?: ScaledObjectAuthenticationRef
  /** AverageValue, Value or Utilization: how its target is meant; AverageValue where left out, Utilization for cpu and memory. */
  readonly metricType?: string
}

/** What to do when triggers cannot be read. */
export type ScaledObjectFallback = {
  /** After more failures in a row than this. */
  readonly failureThreshold: number
  /** Instances then. */
  readonly replicas: number
  /** static: `replicas`; currentReplicas: as many as there are; …IfHigher and …IfLower: as many as there are where that is more or fewer than `replicas`; scalingModifiers: the formula decides, with what is missing as nil. */
  readonly behavior: 'static' | 'currentReplicas' | 'currentReplicasIfHigher' | 'currentReplicasIfLower' | 'scalingModifiers'
}

export type ScaledObjectRule = {
  /** For messages. */
  readonly name?: string
  /** An expression: `cpu > 80 && queue.lag > 1000`, `hour() >= 22 || weekday() in ['sat','sun']`. */
  readonly when?: string
  /** It must hold for so long before it fires. */
  readonly heldFor?: string
  /** Five fields of cron, in `timezone`: `0 8 * * 1-5`. */
  readonly schedule?: string
  /** How long from each time of the schedule. */
  readonly lasts?: string
  /** `+3`, `-2`, `+50%` from the size at the time of firing, or `5`: once per firing. */
  readonly scale?: string
  /** A floor while it holds. Held even by protection. */
  readonly min?: number
  /** A ceiling while it holds. */
  readonly max?: number
}

/** So long after any change before the next one in a direction. */
export type ScaledObjectCooldown = {
  /** Before it grows again. */
  readonly up?: string
  /** Before it shrinks again. */
  readonly down?: string
}

/** When the direction changes too often, the number is held. */
export type ScaledObjectFlapping = {
  /** So many changes of direction */
  readonly changes: number
  /** within so long */
  readonly within: string
  /** hold it for so long. */
  readonly hold: string
}

/** Keeps what scales from scaling too often. Bounds are exempt, and nothing ever blocks the way from 0. */
export type ScaledObjectProtection = {
  /** So long after any change before the next one in a direction. */
  readonly cooldown?: ScaledObjectCooldown
  /** When the direction changes too often, the number is held. */
  readonly flapping?: ScaledObjectFlapping
  /** Changes at most in any hour. */
  readonly maxActionsPerHour?: number
}

/** What is wanted. */
export type ScaledObjectSpec = {
  /** The Service that is scaled. */
  readonly scaleTargetRef: ScaledObjectScaleTargetRef
  /** Seconds from one look at the triggers to the next. */
  readonly pollingInterval: number
  /** Seconds after this object was made before anything is scaled to 0. */
  readonly initialCooldownPeriod?: number
  /** Seconds after the last trigger was active before it scales to 0 or to idleReplicaCount. Between 1 and the maximum it has no effect: `protection.cooldown` does. */
  readonly cooldownPeriod: number
  /** Instances while no trigger is active. Must be below minReplicaCount. */
  readonly idleReplicaCount?: number
  /** Instances at least while a trigger is active; with 0, or where left out, and without idleReplicaCount, none while none is. */
  readonly minReplicaCount?: number
  /** Instances at most. */
  readonly maxReplicaCount: number
  /** How numbers become instances: HPA v2's settings and a formula. */
  readonly advanced?: ScaledObjectAdvanced
  /** What it scales on. The largest wish counts. */
  readonly triggers: readonly ScaledObjectTrigger[]
  /** What to do when triggers cannot be read. */
  readonly fallback?: ScaledObjectFallback
  /** Of schedules and of hour(), weekday() and the like in rules: Europe/Berlin. */
  readonly timezone: string
  /** What moves or bounds the number besides the triggers. Each has `when` or `schedule`, and `scale`, `min`, `max` or both bounds. */
  readonly rules?: readonly ScaledObjectRule[]
  /** Keeps what scales from scaling too often. Bounds are exempt, and nothing ever blocks the way from 0. */
  readonly protection?: ScaledObjectProtection
}

/** One trigger's. */
export type ScaledObjectTriggerHealth = {
  /** Failures in a row when this was last written. */
  readonly numberOfFailures: number
  /** Whether it can be read. */
  readonly status: 'Happy' | 'Failing'
  /** Why it cannot. */
  readonly message?: string
}

/** What is. Written by nsctl. */
export type ScaledObjectStatus = {
  /** The generation that this status is about. */
  readonly observedGeneration?: number
  /** service/web, for tables. */
  readonly targetText?: string
  /** Types of its triggers, for tables. */
  readonly triggersText?: string
  /** yes, no or paused, for tables. */
  readonly activeText?: string
  /** Replicas that the Service asks for at the last decision. */
  readonly replicas?: number
  /** What the last decision came to. */
  readonly desiredReplicas?: number
  /** What the Service asked for before it was taken over. */
  readonly originalReplicaCount?: number
  /** What made the number. */
  readonly decidedBy?: string
  /** When the number was last changed. */
  readonly lastScaleTime?: string
  /** When a trigger was last seen active. Written with other changes. */
  readonly lastActiveTime?: string
  /** What it is paused at. */
  readonly pausedReplicaCount?: number
  /** The time in the annotation nsctl.dev/poll-requested that the last decision answers. */
  readonly polledFor?: string
  /** The last decision that changed something, in full. */
  readonly decision?: JsonObject
  /** Of each trigger that fails, or did lately, by name. */
  readonly health?: Readonly<Record<string, ScaledObjectTriggerHealth>>
  /** What is wrong in a line; absent when nothing is. */
  readonly summary?: string
  /** Ready: it can act. Active: a trigger is active. Fallback: a fallback is in force. Paused: it is paused. ScalingLimited: a bound, a window or a protection holds the number. */
  readonly conditions?: readonly Condition[]
}

/** How a Service scales: on events, on metrics, by the clock. Its spec is KEDA's ScaledObject as it stands (apiVersion keda.sh/v1alpha1 is accepted), with `timezone`, `rules` and `protection` besides. */
export type ScaledObject = Resource<ScaledObjectSpec, ScaledObjectStatus> & {
  readonly spec: ScaledObjectSpec
}

/** One value, sealed. */
export type SecretSealedValue = {
  /** Changes with the value, and not when the same value is sealed to others. */
  readonly version: string
  /** An armored age file. Opened, it begins with a line that says which namespace, Secret and key it belongs to. */
  readonly age: string
}

/** A key of a Secret in the same namespace. */
export type SecretKeyRef = {
  /** The Secret. */
  readonly name: string
  /** Its key. */
  readonly key: string
}

/** Vault's AppRole. */
export type SecretAppRole = {
  /** Where it is mounted. */
  readonly mount: string
  /** The role; it is no secret. */
  readonly roleId: string
  /** A key of a Secret in the same namespace. */
  readonly secretId: SecretKeyRef
}

/** How to log in. Exactly one of token and appRole. */
export type SecretAuth = {
  /** A key of a Secret in the same namespace. */
  readonly token?: SecretKeyRef
  /** Vault's AppRole. */
  readonly appRole?: SecretAppRole
}

/** A secret of Vault's key-value engine, version 2. */
export type SecretVault = {
  /** Vault's own address, https://vault.example.org:8200. */
  readonly address: string
  /** Vault's namespace, where it has such. */
  readonly namespace?: string
  /** Where the engine is mounted. */
  readonly mount: string
  /** The secret's path beneath the mount. */
  readonly path: string
  /** A fixed version; the newest where left out. */
  readonly version?: number
  /** The certificate authority of its address, as PEM. */
  readonly caCert?: string
  /** Allows an address that begins with http:// and is not this machine's: whoever listens on the way reads the token and the values. */
  readonly insecureHttp?: boolean
  /** How to log in. Exactly one of token and appRole. */
  readonly auth?: SecretAuth
}

export type SecretItems = {
  /** The key there. */
  readonly from: string
  /** The key here; the same where left out. */
  readonly key?: string
}

/** Values that are kept elsewhere. The control plane fetches them and gives them to the nodes that need them. */
export type SecretExternal = {
  /** A secret of Vault's key-value engine, version 2. */
  readonly vault?: SecretVault
  /** Which of its keys are taken, and under which names; all under their own where left out. */
  readonly items?: readonly SecretItems[]
  /** How often it is looked at; 5s at least. */
  readonly refresh: string
}

/** Ciphertext, or where the values come from. */
export type SecretSpec = {
  /** What `nsctl secret` and apply have sealed, by key. */
  readonly sealed?: Readonly<Record<string, SecretSealedValue>>
  /** Whom the values are sealed to; empty where not all are sealed to the same. Nodes are not among them; they get copies of their own. */
  readonly recipients?: readonly string[]
  /** Values that are kept elsewhere. The control plane fetches them and gives them to the nodes that need them. */
  readonly external?: SecretExternal
  /** Refuses every change of values from then on. Sealing the same values to others stays possible. */
  readonly immutable: boolean
}

/** What is. Written by nsctl. */
export type SecretStatus = {
  /** The generation that this status is about. */
  readonly observedGeneration?: number
  /** Names the values; the same for equal values. */
  readonly version?: string
  /** Its keys, for tables. */
  readonly keyNames?: string
  /** sealed or vault. */
  readonly source?: string
  /** Nodes that have a copy. */
  readonly nodes?: string
  /** Services that take it. */
  readonly usedBy?: string
  /** What is wrong in a line; absent when nothing is. */
  readonly summary?: string
  /** The values that came from elsewhere last, sealed to the control plane and the operators. */
  readonly fetched?: Readonly<Record<string, SecretSealedValue>>
  /** When a change was last fetched. */
  readonly fetchedAt?: string
  /** Whom what was fetched is sealed to. */
  readonly fetchedFor?: readonly string[]
  /** Openable: the control plane can open it. Delivered: every node that needs it has it. Fetched: where the values are kept elsewhere, whether they could be had. */
  readonly conditions?: readonly Condition[]
}

/** Values that nobody may read but those who need them. They are sealed with age before they leave the machine of whoever writes them; names of keys and metadata stay readable. A manifest may hold `stringData` (text) and `data` (base64): nsctl seals both on apply, and `nsctl secret seal -f` makes such a manifest safe to commit. */
export type Secret = Resource<SecretSpec, SecretStatus> & {
  readonly spec: SecretSpec
}

/** Where the program comes from. */
export type ServiceSource = {
  /** Program and arguments, as they are executed: no shell is between. A program without a slash is searched in PATH, one with a slash is relative to `workingDir`. */
  readonly command: readonly string[]
  /** The directory that the program starts in. A relative path is relative to the manifest's folder, which is also the default for manifests that come from a file. */
  readonly workingDir?: string
}

/** A key of a Config or a Secret in the same namespace. */
export type ServiceKeyRef = {
  /** The Config or the Secret. */
  readonly name: string
  /** Its key. */
  readonly key: string
  /** Where it is not there, start without it instead of waiting for it. */
  readonly optional: boolean
}

/** Where the value comes from. Exactly one of configKeyRef and secretKeyRef. */
export type ServiceValueFrom = {
  /** A key of a Config or a Secret in the same namespace. */
  readonly configKeyRef?: ServiceKeyRef
  /** A key of a Config or a Secret in the same namespace. */
  readonly secretKeyRef?: ServiceKeyRef
}

export type ServiceEnv = {
  /** The variable. */
  readonly name: string
  /** Its value, as it stands. Empty where neither this nor valueFrom is given. */
  readonly value?: string
  /** Where the value comes from. Exactly one of configKeyRef and secretKeyRef. */
  readonly valueFrom?: ServiceValueFrom
}

/** A Config or a Secret in the same namespace. */
export type ServiceEnvRef = {
  /** The Config or the Secret. */
  readonly name: string
  /** Where it is not there, start without it instead of waiting for it. */
  readonly optional: boolean
}

/** Exactly one of configRef and secretRef. */
export type ServiceEnvFrom = {
  /** Put before each name. */
  readonly prefix?: string
  /** A Config or a Secret in the same namespace. */
  readonly configRef?: ServiceEnvRef
  /** A Config or a Secret in the same namespace. */
  readonly secretRef?: ServiceEnvRef
}

/** What one instance needs, for placement and for its share of the machine. */
export type ServiceResources = {
  /** Cores, its share when the CPU is contended. 500m is half a core. */
  readonly cpu?: string
  /** Bytes it may use at most; beyond that it is killed and started again. 128Mi, 1G. */
  readonly memory?: string
}

/** Hard limits beyond `resources`. */
export type ServiceLimits = {
  /** Cores it may use at most even where the CPU is idle. */
  readonly cpu?: string
  /** Processes and threads it may have at most. */
  readonly tasks?: number
}

/** A GET request that must be answered with 200–399. */
export type ServiceHttpProbe = {
  /** Path and query. */
  readonly path: string
  /** A port's name or number. */
  readonly port: number | string
}

/** A connection that must be accepted. */
export type ServiceTcpProbe = {
  /** A port's name or number. */
  readonly port: number | string
}

/** A command, run where the program runs, that must exit with 0. */
export type ServiceExecProbe = {
  /** Program and arguments. */
  readonly command: readonly string[]
}

/** How to find out. Exactly one of http, tcp and exec. */
export type ServiceProbe = {
  /** A GET request that must be answered with 200–399. */
  readonly http?: ServiceHttpProbe
  /** A connection that must be accepted. */
  readonly tcp?: ServiceTcpProbe
  /** A command, run where the program runs, that must exit with 0. */
  readonly exec?: ServiceExecProbe
  /** Wait so long after the start before the first probe. None by default. */
  readonly initialDelay?: string
  /** From one probe to the next. Until the first success, readiness is probed more often. */
  readonly period: string
  /** A probe that takes longer has failed. */
  readonly timeout: string
  /** So many failures in a row make it unready (readiness) or restart it (liveness). A program whose startup probe has not succeeded for so many periods is restarted; until it has, the other probes wait. */
  readonly failureThreshold: number
  /** So many successes in a row make it ready again. */
  readonly successThreshold: number
}

/** Whether it is in the middle of something. Exactly one of http, tcp and exec; success means busy. A scale-down prefers those that are not, and waits for those that are (`scaleDown.drainTimeout`). An instance with the annotation nsctl.dev/busy: "true" is busy, too. */
export type ServiceBusyProbe = {
  /** A GET request that must be answered with 200–399. */
  readonly http?: ServiceHttpProbe
  /** A connection that must be accepted. */
  readonly tcp?: ServiceTcpProbe
  /** A command, run where the program runs, that must exit with 0. */
  readonly exec?: ServiceExecProbe
  /** From one look to the next. */
  readonly period: string
  /** A look that takes longer says nothing; what was said last stands. */
  readonly timeout: string
}

export type ServiceProgram = {
  /** Names the program in its group; a DNS label. */
  readonly name: string
  /** Where the program comes from. */
  readonly source: ServiceSource
  /** Environment variables. PATH, PORT, PORT_<NAME>, STORAGE_<NAME>, CONFIG_<NAME> and CREDENTIALS_DIRECTORY are provided; NSCTL_ATTEMPT and nsctl__… are nsctl's own. */
  readonly env?: readonly ServiceEnv[]
  /** All keys of a Config or a Secret as variables. What `env` names goes before, and of two lists the later. */
  readonly envFrom?: readonly ServiceEnvFrom[]
  /** What one instance needs, for placement and for its share of the machine. */
  readonly resources?: ServiceResources
  /** Hard limits beyond `resources`. */
  readonly limits?: ServiceLimits
  /** How to find out. Exactly one of http, tcp and exec. */
  readonly readiness?: ServiceProbe
  /** How to find out. Exactly one of http, tcp and exec. */
  readonly liveness?: ServiceProbe
  /** How to find out. Exactly one of http, tcp and exec. */
  readonly startup?: ServiceProbe
  /** Whether it is in the middle of something. Exactly one of http, tcp and exec; success means busy. A scale-down prefers those that are not, and waits for those that are (`scaleDown.drainTimeout`). An instance with the annotation nsctl.dev/busy: "true" is busy, too. */
  readonly busy?: ServiceBusyProbe
}

export type ServiceItems = {
  /** Its key. */
  readonly key: string
  /** The file's name; the key's where left out. */
  readonly as?: string
}

export type ServiceFileRef = {
  /** The Config or the Secret. */
  readonly name: string
  /** Which keys, and under which file names; all under their own where left out. */
  readonly items?: readonly ServiceItems[]
  /** A directory in which the program sees the files as well. One of its own: whatever else lies there is hidden from it, so /etc, /usr and the like are refused. */
  readonly path?: string
  /** Where it is not there, start without it instead of waiting for it. */
  readonly optional: boolean
  /** What a change of it does: restart replaces the instances as `update` says; reload puts the new files in place and sends `reload.signal`, one instance after the other; none only puts the files in place. */
  readonly onChange: 'restart' | 'reload' | 'none'
}

/** How the programs are told that files have changed. */
export type ServiceReload = {
  /** Sent to each program's main process; SIGHUP where left out. */
  readonly signal?: 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2'
}

export type ServicePort = {
  /** Names the port; a DNS label. */
  readonly name: string
  /** A fixed number. Then only one instance fits a node, and the old one stops before the new one starts. */
  readonly port?: number
  /** What is spoken on it. */
  readonly protocol: 'TCP' | 'UDP'
  /** How a URL to it is written. http for ports that are named http or web, tcp for others. */
  readonly scheme?: 'http' | 'https' | 'tcp'
}

/** How an instance is ended. */
export type ServiceStop = {
  /** What is sent first. */
  readonly signal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2' | 'SIGKILL'
  /** What still runs after that is killed. */
  readonly gracePeriod: string
}

/** What the service does without of the hardening that is on by default. */
export type ServiceSecurity = {
  /** systemd's names of the protections to leave out; `all` leaves out every one. LimitCORE keeps programs that are given secrets from leaving core dumps, in which they would be. */
  readonly relax?: readonly ('all' | 'DynamicUser' | 'PrivateUsers' | 'PrivateDevices' | 'PrivateTmp' | 'PrivateIPC' | 'PrivateMounts' | 'ProtectSystem' | 'ProtectHome' | 'ProtectProc' | 'ProtectClock' | 'ProtectHostname' | 'ProtectKernelLogs' | 'ProtectKernelModules' | 'ProtectKernelTunables' | 'ProtectControlGroups' | 'RestrictAddressFamilies' | 'RestrictNamespaces' | 'RestrictRealtime' | 'RestrictSUIDSGID' | 'RemoveIPC' | 'LockPersonality' | 'NoNewPrivileges' | 'CapabilityBoundingSet' | 'SystemCallFilter' | 'SystemCallArchitectures' | 'KeyringMode' | 'DevicePolicy' | 'UMask' | 'LimitCORE')[]
}

/** What each instance runs. Any change here replaces the instances as `update` says. Give either `source` or `programs`. */
export type ServiceTemplate = {
  /** Where the program comes from. */
  readonly source?: ServiceSource
  /** Several programs that live and move together as one instance (a group) and share ports and storage. The instance is ready when all of them are. */
  readonly programs?: readonly ServiceProgram[]
  /** Environment variables. PATH, PORT, PORT_<NAME>, STORAGE_<NAME>, CONFIG_<NAME> and CREDENTIALS_DIRECTORY are provided; NSCTL_ATTEMPT and nsctl__… are nsctl's own. */
  readonly env?: readonly ServiceEnv[]
  /** All keys of a Config or a Secret as variables. What `env` names goes before, and of two lists the later. */
  readonly envFrom?: readonly ServiceEnvFrom[]
  /** Configs that the programs get as files. $CONFIG_<NAME> is the directory in which they lie. */
  readonly configs?: readonly ServiceFileRef[]
  /** Secrets that the programs get as files in $CREDENTIALS_DIRECTORY, named <secret>.<key> unless `items` says otherwise. They lie in memory, and nobody but the programs' user can read them. */
  readonly secrets?: readonly ServiceFileRef[]
  /** How the programs are told that files have changed. */
  readonly reload?: ServiceReload
  /** Ports that the program listens on. Each instance gets a free one in $PORT_<NAME> (the first also in $PORT) unless it is fixed. */
  readonly ports?: readonly ServicePort[]
  /** What one instance needs, for placement and for its share of the machine. */
  readonly resources?: ServiceResources
  /** Hard limits beyond `resources`. */
  readonly limits?: ServiceLimits
  /** How to find out. Exactly one of http, tcp and exec. */
  readonly readiness?: ServiceProbe
  /** How to find out. Exactly one of http, tcp and exec. */
  readonly liveness?: ServiceProbe
  /** How to find out. Exactly one of http, tcp and exec. */
  readonly startup?: ServiceProbe
  /** Whether it is in the middle of something. Exactly one of http, tcp and exec; success means busy. A scale-down prefers those that are not, and waits for those that are (`scaleDown.drainTimeout`). An instance with the annotation nsctl.dev/busy: "true" is busy, too. */
  readonly busy?: ServiceBusyProbe
  /** How an instance is ended. */
  readonly stop: ServiceStop
  /** none cuts the program off from every network, loopback to others included. */
  readonly network: 'host' | 'none'
  /** nspawn runs each program in a container of systemd-nspawn, with a root, users and processes of its own, on nodes that have it. Where left out programs run as the node's runtime does it. */
  readonly runtime?: 'nspawn'
  /** With runtime nspawn: a directory of the node that is the container's /. It has /usr and /bin/sh, and is not written to. */
  readonly root?: string
  /** With runtime nspawn, instead of root: directories of the node, as the store paths of a Nix closure, that the program sees read-only in an otherwise empty root. One of them has bin/sh. Where neither is given: the node's /usr and /nix/store. */
  readonly closure?: readonly string[]
  /** What the service does without of the hardening that is on by default. */
  readonly security?: ServiceSecurity
  /** Written by `nsctl rollout restart`; a new value replaces every instance. */
  readonly restartedAt?: string
}

export type ServiceStorage = {
  /** Names the volume; $STORAGE_<NAME> says where it is. */
  readonly name: string
  /** Where the program sees it. */
  readonly path: string
}

export type ServiceToleration = {
  /** The taint's key; with operator Exists every taint where left out. */
  readonly key?: string
  /** Equal asks for the same value, Exists for any. */
  readonly operator: 'Equal' | 'Exists'
  /** The taint's value, with operator Equal. */
  readonly value?: string
  /** The taint's effect; any where left out. */
  readonly effect?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'
}

export type ServiceNodeRequirement = {
  /** The label. */
  readonly key: string
  /** How label and values compare. NotIn and DoesNotExist hold where the label is missing. */
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt'
  /** What it is compared with. One whole number for Gt and Lt; none for Exists and DoesNotExist. */
  readonly values?: readonly string[]
}

/** All expressions must hold. */
export type ServiceNodeTerm = {
  /** What a label of a node must be. */
  readonly matchExpressions: readonly ServiceNodeRequirement[]
}

export type ServicePreferredNodeTerm = {
  /** From 1 to 100. */
  readonly weight: number
  /** All expressions must hold. */
  readonly preference: ServiceNodeTerm
}

/** By the labels of nodes. */
export type ServiceNode = {
  /** A node must match one of these terms. */
  readonly required?: readonly ServiceNodeTerm[]
  /** Nodes that match go before others; of several the greatest sum of weights. */
  readonly preferred?: readonly ServicePreferredNodeTerm[]
}

/** A service, and how near is near. */
export type ServiceNearTerm = {
  /** The other service; it may be this one. */
  readonly service: string
  /** The other's namespace; its own where left out. */
  readonly namespace?: string
  /** The label by which nodes count as one place: kubernetes.io/hostname for each by itself, topology.kubernetes.io/zone for zones. */
  readonly topologyKey: string
}

export type ServicePreferredNearTerm = {
  /** From 1 to 100. */
  readonly weight: number
  /** A service, and how near is near. */
  readonly preference: ServiceNearTerm
}

/** By what runs there already. */
export type ServiceNearness = {
  /** Must hold for each. */
  readonly required?: readonly ServiceNearTerm[]
  /** Goes before others; of several the greatest sum of weights. */
  readonly preferred?: readonly ServicePreferredNearTerm[]
}

/** Nodes and services to be near to. */
export type ServiceAffinity = {
  /** By the labels of nodes. */
  readonly node?: ServiceNode
  /** By what runs there already. */
  readonly service?: ServiceNearness
}

/** Services to keep away from. */
export type ServiceAntiAffinity = {
  /** By what runs there already. */
  readonly service?: ServiceNearness
}

export type ServiceSpreadConstraint = {
  /** By how many one place may have more than the one that has fewest. */
  readonly maxSkew: number
  /** The label by which nodes count as one place. */
  readonly topologyKey: string
  /** DoNotSchedule waits for a place; ScheduleAnyway prefers those with fewer. */
  readonly whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway'
}

/** On which nodes instances run. A node is chosen when an instance is made; one that runs never moves, so a change here acts on instances to come (`nsctl rollout restart` makes new ones). */
export type ServicePlacement = {
  /** spread: as few as possible on each zone and node, then where most is free. pack: where least is free, so that few machines are used. perNode: one on each node that matches (a daemon), also where nothing else is to be placed; `replicas` is not used. */
  readonly strategy: 'spread' | 'pack' | 'perNode'
  /** The PriorityClass of instances to come. Of what waits for a node the more important goes first, and where none has room what is less important is ended for it. */
  readonly priorityClassName?: string
  /** Labels that a node must have. */
  readonly nodeSelector?: Readonly<Record<string, string>>
  /** Taints of nodes that are put up with. */
  readonly tolerations?: readonly ServiceToleration[]
  /** Nodes and services to be near to. */
  readonly affinity?: ServiceAffinity
  /** Services to keep away from. */
  readonly antiAffinity?: ServiceAntiAffinity
  /** How evenly its instances of one template are spread over places. */
  readonly topologySpreadConstraints?: readonly ServiceSpreadConstraint[]
}

export type ServiceDependency = {
  /** A name in the same namespace, or namespace/name. */
  readonly service: string
}

/** How instances go when there are to be fewer. */
export type ServiceScaleDown = {
  /** One that says it is busy may finish for so long before it is stopped. */
  readonly drainTimeout: string
}

/** What draining a node may cost the Service. Where left out, what `update` says of a change. */
export type ServiceDisruption = {
  /** How many (or what part, 25%) may be missing of the wanted ready instances for leaving their nodes. 0 has each replaced before it ends, and is never met where `update.maxSurge` is 0 or an instance has fixed ports or storage. */
  readonly maxUnavailable: number | string
}

/** So many new instances, whatever the weight is, until the next setWeight. */
export type ServiceCanaryScale = {
  /** A number, or a part of the wanted ones such as 25%, rounded up. */
  readonly replicas: number | string
}

/** Wait. */
export type ServicePause = {
  /** For so long; where left out until `nsctl rollout promote`. */
  readonly duration?: string
}

/** What it is logged in with. */
export type ServiceAuthenticationRef = {
  /** A TriggerAuthentication in the same namespace or a ClusterTriggerAuthentication. */
  readonly name: string
  /** TriggerAuthentication where left out. */
  readonly kind?: 'TriggerAuthentication' | 'ClusterTriggerAuthentication'
}

/** A query to Prometheus, or what speaks its API. */
export type ServicePrometheus = {
  /** Where it listens: http://prometheus:9090. */
  readonly address: string
  /** In PromQL, for one number. No series is no number: append `or vector(0)` where it means 0. */
  readonly query: string
  /** What it is logged in with. */
  readonly authenticationRef?: ServiceAuthenticationRef
}

/** Ask for a number every so often. A number that cannot be had is neither good nor bad: it is asked again, and the change goes no further meanwhile. */
export type ServiceAnalysis = {
  /** A query to Prometheus, or what speaks its API. */
  readonly prometheus: ServicePrometheus
  /** Whether `result`, the number, is good: result < 0.05. */
  readonly successCondition: string
  /** From one measurement to the next. */
  readonly interval: string
  /** So many good measurements are enough. */
  readonly count: number
  /** More bad ones than this take the change back. */
  readonly failureLimit: number
  /** After more in a row than this that are neither the service is Degraded. It is measured on. */
  readonly inconclusiveLimit: number
}

/** Exactly one of setWeight, setCanaryScale, pause and analysis. */
export type ServiceStep = {
  /** So many percent of the requests go to new instances. So many percent of the instances are new as well, rounded up, with at least one old one below 100 where there is room for it. Over once they are available. */
  readonly setWeight?: number
  /** So many new instances, whatever the weight is, until the next setWeight. */
  readonly setCanaryScale?: ServiceCanaryScale
  /** Wait. */
  readonly pause?: ServicePause
  /** Ask for a number every so often. A number that cannot be had is neither good nor bad: it is asked again, and the change goes no further meanwhile. */
  readonly analysis?: ServiceAnalysis
}

/** How a Canary goes on. After the last step all instances are replaced as in a Rolling update. A first template, which there is no good one before, goes to all at once. */
export type ServiceCanary = {
  /** One after the other, in Argo Rollouts' words. What fails meanwhile takes the change back as a whole. */
  readonly steps: readonly ServiceStep[]
}

/** How BlueGreen moves over. Not for services with storage or fixed ports, of which two cannot run side by side. */
export type ServiceBlueGreen = {
  /** Move over once all new instances are available. Otherwise `nsctl rollout promote` does. */
  readonly autoPromotionEnabled: boolean
  /** So long after they are. */
  readonly autoPromotionSeconds: number
  /** So long after that the old ones end. Until then a failure moves back at once. */
  readonly scaleDownDelaySeconds: number
}

/** How a change of the template reaches the instances. */
export type ServiceUpdate = {
  /** Rolling replaces a few at a time; Recreate stops all before it starts the new ones; Canary lets a change through to more and more, step by step; BlueGreen runs all of the new beside the old, and moves what asks over at once. */
  readonly strategy: 'Rolling' | 'Recreate' | 'Canary' | 'BlueGreen'
  /** How many (or what part, 25%) may be missing of the wanted ready instances during a change. */
  readonly maxUnavailable: number | string
  /** How many (or what part, 25%) may run beyond the wanted number during a change. */
  readonly maxSurge: number | string
  /** Go back to the last good template when the new one does not become ready. */
  readonly autoRollback: boolean
  /** A new instance that is not ready after that has failed; a change that came no further for as long because nothing has a node is DeadlineExceeded, and goes on when there is room. */
  readonly progressDeadline: string
  /** A new instance counts as available when it has been ready for so long. */
  readonly minReadySeconds: number
  /** While true a change of the template replaces nothing, and what lacks or is too many is made up of the old. Written by `nsctl rollout pause` and `resume`; no revision. */
  readonly paused?: boolean
  /** How a Canary goes on. After the last step all instances are replaced as in a Rolling update. A first template, which there is no good one before, goes to all at once. */
  readonly canary?: ServiceCanary
  /** How BlueGreen moves over. Not for services with storage or fixed ports, of which two cannot run side by side. */
  readonly blueGreen?: ServiceBlueGreen
}

/** Where requests from outside come in: the load balancer of each node that has one leads them to the ready instances, and an instance is told to end only when it is led nothing any more. Needs `domain`, `domains` or `listen`. */
export type ServiceExpose = {
  /** The host name that it answers for, such as web.example.org or *.example.org. */
  readonly domain?: string
  /** Several of them. */
  readonly domains?: readonly string[]
  /** Only this path and what lies below it. Of several Services the one with the longest path is asked. */
  readonly path: string
  /** The name of the port that is led to; the first TCP port where left out. HTTP is spoken there. */
  readonly port?: string
  /** Where the load balancer listens, 8080 or 127.0.0.1:8080; 443 where left out, or 80 without TLS. */
  readonly listen?: string
  /** automatic has the load balancer get a certificate, which needs a domain that leads to it; internal has it make one by itself, which nobody trusts by default. automatic where left out, or off with `listen`. */
  readonly tls?: 'automatic' | 'internal' | 'off'
  /** Keeps a client at one instance while that is there, by a cookie or by the client's address. */
  readonly sessionAffinity: 'none' | 'cookie' | 'ip'
  /** An instance that is to end may go on for so long with requests that it is in the middle of. */
  readonly drainTimeout: string
}

/** What should run. */
export type ServiceSpec = {
  /** How many instances should run. */
  readonly replicas: number
  /** What each instance runs. Any change here replaces the instances as `update` says. Give either `source` or `programs`. */
  readonly template: ServiceTemplate
  /** Directories that outlive instances, revisions and rollbacks, one per ordinal. Removed only by `nsctl delete --purge`. */
  readonly storage?: readonly ServiceStorage[]
  /** True: two instances of one ordinal never run at once, whatever fails. What runs on a node that cannot renew its lease is ended there, and only then replaced elsewhere; each start is given a larger number, $NSCTL_FENCING_TOKEN. See "Unique instances" in the operations guide. Changing it replaces every instance. */
  readonly unique?: boolean
  /** On which nodes instances run. A node is chosen when an instance is made; one that runs never moves, so a change here acts on instances to come (`nsctl rollout restart` makes new ones). */
  readonly placement?: ServicePlacement
  /** Services that must be ready before the first instance is started, and before the first of a changed template. What runs is never stopped for it, and started again when it fails. One that is not there is waited for; a circle is refused. */
  readonly dependsOn?: readonly ServiceDependency[]
  /** How instances go when there are to be fewer. */
  readonly scaleDown?: ServiceScaleDown
  /** What draining a node may cost the Service. Where left out, what `update` says of a change. */
  readonly disruption?: ServiceDisruption
  /** How a change of the template reaches the instances. */
  readonly update: ServiceUpdate
  /** Where requests from outside come in: the load balancer of each node that has one leads them to the ready instances, and an instance is told to end only when it is led nothing any more. Needs `domain`, `domains` or `listen`. */
  readonly expose?: ServiceExpose
  /** How many old revisions are kept to roll back to. */
  readonly revisionHistoryLimit: number
}

export type ServiceMaterial = {
  /** Config or Secret. */
  readonly kind: 'Config' | 'Secret'
  /** Its name. */
  readonly name: string
  /** The version of its content. */
  readonly version: string
}

export type ServiceNomination = {
  /** The Instance to come. */
  readonly instance: string
  /** Where the room is. */
  readonly node: string
}

/** The last of its instances that has made room for something more important, until all are there again. */
export type ServicePreempted = {
  /** The Instance. */
  readonly instance: string
  /** Where it was. */
  readonly node: string
  /** For what: `service/web`. */
  readonly for: string
}

/** The measurements of the present step. */
export type ServiceAnalysisStatus = {
  /** Good ones. */
  readonly successful: number
  /** Bad ones. */
  readonly failed: number
  /** Neither, in a row up to now. */
  readonly inconclusive: number
  /** When the last ended. */
  readonly lastAt?: string
  /** What it came to. */
  readonly lastResult?: string
}

/** How far a change is that is held or goes step by step; absent where none is under way. */
export type ServiceRollout = {
  /** The hash of the template that it is about. */
  readonly hash: string
  /** The revision with which it began. */
  readonly revision: number
  /** The steps that it takes; others begin anew. */
  readonly stepsHash?: string
  /** The step that it is at, counted from 0; as many as there are where all are over. */
  readonly step?: number
  /** So many steps there are. */
  readonly stepCount?: number
  /** When that began. */
  readonly stepSince?: string
  /** What that is about in a line. */
  readonly text?: string
  /** The weight that was last reached. */
  readonly weight?: number
  /** The measurements of the present step. */
  readonly analysis?: ServiceAnalysisStatus
  /** Instances that had it when it was paused, */
  readonly heldReplicas?: number
  /** of so many that were wanted. */
  readonly heldOf?: number
}

export type ServiceTraffic = {
  /** The template. */
  readonly hash: string
  /** Percent; all together 100. */
  readonly weight: number
}

/** What is. Written by nsctl. */
export type ServiceStatus = {
  /** The generation that this status is about. */
  readonly observedGeneration?: number
  /** Instances that exist. */
  readonly replicas?: number
  /** Instances that there should be where that is not said by `replicas` but by the nodes that match. */
  readonly desiredReplicas?: number
  /** Instances that are ready. */
  readonly readyReplicas?: number
  /** Instances of the wanted template. */
  readonly updatedReplicas?: number
  /** Instances that have been ready for minReadySeconds. */
  readonly availableReplicas?: number
  /** ready/wanted, for tables. */
  readonly ready?: string
  /** The revision that runs, r7. */
  readonly revisionName?: string
  /** Nodes with instances. */
  readonly nodes?: string
  /** Where to reach it. */
  readonly url?: string
  /** What is wrong or waited for in a line; absent when nothing is. */
  readonly summary?: string
  /** The hash of the wanted template. */
  readonly currentHash?: string
  /** The hash of the template that last became ready. */
  readonly stableHash?: string
  /** What the last good template ran with of Configs and Secrets. */
  readonly stableMaterials?: readonly ServiceMaterial[]
  /** The revision of the last good template. */
  readonly stableRevision?: number
  /** The hash of the template that was abandoned. */
  readonly failedHash?: string
  /** Why it was abandoned. */
  readonly failedReason?: string
  /** Instances to come that room is being made for by the end of what is less important. */
  readonly nominations?: readonly ServiceNomination[]
  /** The last of its instances that has made room for something more important, until all are there again. */
  readonly preempted?: ServicePreempted
  /** When the present template was first seen. */
  readonly rolloutStartedAt?: string
  /** How far a change is that is held or goes step by step; absent where none is under way. */
  readonly rollout?: ServiceRollout
  /** Which part of the requests goes to instances of which template, while that is not left to their numbers: of Canary and BlueGreen. What is not named gets none. */
  readonly traffic?: readonly ServiceTraffic[]
  /** Ready, Progressing, Degraded. Exposed: with `expose`, whether it is led requests. */
  readonly conditions?: readonly Condition[]
}

/** A program to keep running: so many replicas of it, restarted when they fail, replaced one after the other when the program changes, and taken back to the last good revision when a change does not become ready. */
export type Service = Resource<ServiceSpec, ServiceStatus> & {
  readonly spec: ServiceSpec
}

export type TriggerAuthenticationKeyTarget = {
  /** The trigger's parameter, as its documentation names it. */
  readonly parameter: string
  /** The Secret or the Config. */
  readonly name: string
  /** Its key. */
  readonly key: string
}

export type TriggerAuthenticationEnv = {
  /** The trigger's parameter. */
  readonly parameter: string
  /** The variable. */
  readonly name: string
  /** Which program of a group. */
  readonly containerName?: string
}

/** A key of a Secret that holds the token. */
export type TriggerAuthenticationTokenFrom = {
  /** The Secret. */
  readonly name: string
  /** Its key. */
  readonly key: string
}

/** What to log in with. */
export type TriggerAuthenticationCredential = {
  /** A token in the clear, as KEDA has it; tokenFrom is better. */
  readonly token?: string
  /** Of kubernetes. */
  readonly serviceAccount?: string
  /** Of kubernetes. */
  readonly serviceAccountName?: string
  /** A key of a Secret that holds the token. */
  readonly tokenFrom?: TriggerAuthenticationTokenFrom
}

export type TriggerAuthenticationSecrets = {
  /** The trigger's parameter. */
  readonly parameter: string
  /** The secret's path with its mount: secret/data/queue. */
  readonly path: string
  /** Its key. */
  readonly key: string
  /** secretV2 where left out. */
  readonly type?: '' | 'generic' | 'secretV2' | 'secret' | 'pki'
  /** Of pki, which cannot act. */
  readonly pkiData?: JsonObject
}

/** Parameters from Vault's key-value engine. */
export type TriggerAuthenticationHashiCorpVault = {
  /** Vault's own address. */
  readonly address: string
  /** Vault's namespace. */
  readonly namespace?: string
  /** token; kubernetes is stored and cannot act. */
  readonly authentication: 'token' | 'kubernetes'
  /** Of kubernetes. */
  readonly role?: string
  /** Of kubernetes. */
  readonly mount?: string
  /** What to log in with. */
  readonly credential?: TriggerAuthenticationCredential
  /** What is taken. */
  readonly secrets: readonly TriggerAuthenticationSecrets[]
}

/** Which parameters come from where. What is named later goes before what is named earlier. */
export type TriggerAuthenticationSpec = {
  /** Parameters from keys of Secrets. */
  readonly secretTargetRef?: readonly TriggerAuthenticationKeyTarget[]
  /** Parameters from keys of Configs. */
  readonly configMapTargetRef?: readonly TriggerAuthenticationKeyTarget[]
  /** Parameters from variables: of the target's own environment as its template says it, or else of the control plane's, where only names that begin with NSCTL_VALUE_ can be named. */
  readonly env?: readonly TriggerAuthenticationEnv[]
  /** Parameters from Vault's key-value engine. */
  readonly hashiCorpVault?: TriggerAuthenticationHashiCorpVault
  /** KEDA's for other platforms: stored, and cannot act. */
  readonly podIdentity?: JsonObject
  /** KEDA's for other platforms: stored, and cannot act. */
  readonly azureKeyVault?: JsonObject
  /** KEDA's for other platforms: stored, and cannot act. */
  readonly gcpSecretManager?: JsonObject
  /** KEDA's for other platforms: stored, and cannot act. */
  readonly awsSecretManager?: JsonObject
  /** KEDA's for other platforms: stored, and cannot act. */
  readonly oauth2?: JsonObject
  /** KEDA's; stored, and cannot act. */
  readonly filePath?: string
  /** KEDA's; stored, and cannot act. */
  readonly boundServiceAccountToken?: readonly JsonObject[]
}

/** What is. Written by nsctl. */
export type TriggerAuthenticationStatus = {
  /** The generation that this status is about. */
  readonly observedGeneration?: number
  /** Secrets that it names, for tables. */
  readonly secretsText?: string
  /** Scalers that use it. */
  readonly usedBy?: string
  /** What is wrong in a line; absent when nothing is. */
  readonly summary?: string
  /** Ready: every parameter can be had. */
  readonly conditions?: readonly Condition[]
}

/** Where the secret parameters of triggers come from. What it names is in its own namespace. KEDA's, as it stands. */
export type TriggerAuthentication = Resource<TriggerAuthenticationSpec, TriggerAuthenticationStatus> & {
  readonly spec: TriggerAuthenticationSpec
}

/** Which data. Written by the control plane. */
export type VolumeSpec = {
  /** The Service it belongs to. */
  readonly service: string
  /** Its name in the Service's storage. */
  readonly volume: string
  /** The ordinal that uses it. */
  readonly ordinal: number
  /** The node that it lies on. */
  readonly node: string
}

/** What is. Written by the node's agent. */
export type VolumeStatus = {
  /** Purged data is gone for good. */
  readonly phase?: 'Present' | 'Purged'
  /** Where it lies on the node. */
  readonly path?: string
}

/** The data of one volume of one ordinal of a Service, where it lies. Written by nsctl; outlives the Service until `nsctl delete --purge`. */
export type Volume = Resource<VolumeSpec, VolumeStatus> & {
  readonly spec: VolumeSpec
}
