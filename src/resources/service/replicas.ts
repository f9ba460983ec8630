/** How many instances a Service may ask for at most: the maximum of spec.replicas in its schema. */
export const MOST_REPLICAS = 10_000
