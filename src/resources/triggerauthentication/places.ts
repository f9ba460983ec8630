/** Where the Secrets and Configs are that a ClusterTriggerAuthentication names. */
export const CONTROL_NAMESPACE = 'nsctl'
