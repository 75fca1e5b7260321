// The look of the console, once: a pine green on warm paper, compact, with one accent.
import { theme, type ThemeConfig } from 'antd';

export type Mode = 'light' | 'dark';

const fontFamily = `'Inter Variable', 'Noto Sans SC', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', system-ui, sans-serif`;
export const monospace = `ui-monospace, 'SF Mono', 'JetBrains Mono', Menlo, Consolas, 'Noto Sans Mono CJK SC', monospace`;

const light = {
  colorPrimary: '#176157',
  colorPrimaryBg: '#dde9e4',
  colorPrimaryBgHover: '#d2e2dc',
  colorInfo: '#1f6f8b',
  colorSuccess: '#2a7d46',
  colorWarning: '#a8650f',
  colorError: '#b3372b',
  colorErrorHover: '#97281d',
  colorErrorBorderHover: '#97281d',
  colorErrorTextHover: '#97281d',
  colorPrimaryHover: '#124f47',
  colorLinkHover: '#0f453e',
  colorLink: '#176157',
  colorTextBase: '#1d2321',
  colorBgBase: '#ffffff',
  colorBgLayout: '#f5f4f0',
  colorBorder: '#d5d4cc',
  colorBorderSecondary: '#e6e5de',
  colorTextSecondary: '#4d5652',
  colorTextTertiary: '#666f6b',
  colorTextDescription: '#5a635f',
  colorTextPlaceholder: '#6d7672',
};

const dark = {
  colorPrimary: '#58b8a4',
  colorPrimaryBg: '#1b2d29',
  colorPrimaryBgHover: '#213732',
  colorTextLightSolid: '#0b1412',
  colorInfo: '#63b3cf',
  colorSuccess: '#6cc287',
  colorWarning: '#e0a95a',
  colorError: '#ec8377',
  colorLink: '#6fcdb8',
  colorTextBase: '#e6ebe8',
  colorBgBase: '#131817',
  colorBgLayout: '#0e1211',
  colorBgContainer: '#171d1b',
  colorBgElevated: '#1e2523',
  colorBorder: '#333d3a',
  colorBorderSecondary: '#262e2c',
  colorTextSecondary: '#b3bdb8',
  colorTextTertiary: '#96a19c',
  colorTextDescription: '#a3aea9',
  colorTextPlaceholder: '#8c9792',
};

export function themeOf(mode: Mode): ThemeConfig {
  return {
    algorithm: mode === 'dark' ? theme.darkAlgorithm : theme.defaultAlgorithm,
    cssVar: { key: 'osc' },
    token: {
      ...(mode === 'dark' ? dark : light),
      fontFamily,
      fontFamilyCode: monospace,
      fontSize: 14,
      borderRadius: 8,
      borderRadiusSM: 6,
      controlHeight: 34,
      wireframe: false,
      motionDurationMid: '0.14s',
      motionDurationSlow: '0.18s',
    },
    components: {
      Layout: {
        headerBg: 'transparent',
        siderBg: 'transparent',
        bodyBg: 'transparent',
        headerPadding: '0 24px',
      },
      Menu: {
        itemBg: 'transparent',
        itemHeight: 36,
        itemMarginInline: 8,
        activeBarBorderWidth: 0,
        itemSelectedBg: mode === 'dark' ? '#1b2d29' : '#dde9e4',
        itemSelectedColor: mode === 'dark' ? '#8fdcc9' : '#124c44',
      },
      Table: { headerBg: 'transparent', headerSplitColor: 'transparent', cellPaddingBlock: 11 },
      Card: { headerHeight: 48 },
      Button: { primaryShadow: 'none', defaultShadow: 'none', dangerShadow: 'none', fontWeight: 500 },
      Tabs: { horizontalItemPadding: '10px 0', titleFontSize: 14 },
      Statistic: { contentFontSize: 22 },
    },
  };
}
