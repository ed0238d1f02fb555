/** The types that a schema is made of, closed: the validators of the packages take every key. */

export type {
  IPrometheusRule,
  IServiceMonitor,
} from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
export type { IAlertmanagerConfig } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1alpha1'
export type { IDaemonSet } from 'kubernetes-models/apps/v1'
export type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
export type { IConfigMap, INamespace, IService, IServiceAccount } from 'kubernetes-models/v1'
