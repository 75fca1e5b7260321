//! The built-in resources that controllers and the simulated kubelet work with.

use crate::client::Resource;

macro_rules! resources {
    ($($name:ident = $group:literal, $version:literal, $plural:literal, $kind:literal, $namespaced:literal;)*) => {
        $(#[doc = concat!("`", $plural, "`")]
        pub const $name: Resource = Resource::known($group, $version, $plural, $kind, $namespaced);)*

        /// All of them.
        pub const ALL: &[Resource] = &[$($name),*];
    };
}

resources! {
    BINDINGS = "", "v1", "bindings", "Binding", true;
    CONFIG_MAPS = "", "v1", "configmaps", "ConfigMap", true;
    ENDPOINTS = "", "v1", "endpoints", "Endpoints", true;
    EVENTS = "", "v1", "events", "Event", true;
    LIMIT_RANGES = "", "v1", "limitranges", "LimitRange", true;
    NAMESPACES = "", "v1", "namespaces", "Namespace", false;
    NODES = "", "v1", "nodes", "Node", false;
    PERSISTENT_VOLUME_CLAIMS = "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true;
    PERSISTENT_VOLUMES = "", "v1", "persistentvolumes", "PersistentVolume", false;
    PODS = "", "v1", "pods", "Pod", true;
    POD_TEMPLATES = "", "v1", "podtemplates", "PodTemplate", true;
    REPLICATION_CONTROLLERS = "", "v1", "replicationcontrollers", "ReplicationController", true;
    RESOURCE_QUOTAS = "", "v1", "resourcequotas", "ResourceQuota", true;
    SECRETS = "", "v1", "secrets", "Secret", true;
    SERVICE_ACCOUNTS = "", "v1", "serviceaccounts", "ServiceAccount", true;
    SERVICES = "", "v1", "services", "Service", true;
    CONTROLLER_REVISIONS = "apps", "v1", "controllerrevisions", "ControllerRevision", true;
    DAEMON_SETS = "apps", "v1", "daemonsets", "DaemonSet", true;
    DEPLOYMENTS = "apps", "v1", "deployments", "Deployment", true;
    REPLICA_SETS = "apps", "v1", "replicasets", "ReplicaSet", true;
    STATEFUL_SETS = "apps", "v1", "statefulsets", "StatefulSet", true;
    HORIZONTAL_POD_AUTOSCALERS =
        "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", true;
    CRON_JOBS = "batch", "v1", "cronjobs", "CronJob", true;
    JOBS = "batch", "v1", "jobs", "Job", true;
    LEASES = "coordination.k8s.io", "v1", "leases", "Lease", true;
    ENDPOINT_SLICES = "discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true;
    INGRESSES = "networking.k8s.io", "v1", "ingresses", "Ingress", true;
    INGRESS_CLASSES = "networking.k8s.io", "v1", "ingressclasses", "IngressClass", false;
    NETWORK_POLICIES = "networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true;
    API_SERVICES = "apiregistration.k8s.io", "v1", "apiservices", "APIService", false;
    CUSTOM_RESOURCE_DEFINITIONS =
        "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false;
    MUTATING_WEBHOOK_CONFIGURATIONS = "admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration", false;
    VALIDATING_WEBHOOK_CONFIGURATIONS = "admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration", false;
    POD_DISRUPTION_BUDGETS = "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", true;
    CLUSTER_ROLES = "rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false;
    CLUSTER_ROLE_BINDINGS =
        "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false;
    ROLES = "rbac.authorization.k8s.io", "v1", "roles", "Role", true;
    ROLE_BINDINGS = "rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", true;
    PRIORITY_CLASSES = "scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", false;
    STORAGE_CLASSES = "storage.k8s.io", "v1", "storageclasses", "StorageClass", false;
}
